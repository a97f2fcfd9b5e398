//! TLS: which servers to trust, and the certificate of the client.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{code, Error, Result};

/// As Node's `tls` module names them, in PEM.
#[derive(Clone, Default)]
pub struct Tls {
    /// Trusted instead of the roots that come with this library.
    pub ca: Option<Vec<u8>>,
    /// The client's certificate.
    pub cert: Option<Vec<u8>>,
    /// The key of that.
    pub key: Option<Vec<u8>>,
    /// Any certificate of the server is taken.
    pub accept_any: bool,
}

pub(crate) fn configure(tls: &Tls) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.ca {
        for cert in certificates(pem, "ca")? {
            roots.add(cert).map_err(|_| invalid("ca"))?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => {
            let key = rustls_pemfile::private_key(&mut key.as_slice());
            let key = key.ok().flatten().ok_or_else(|| invalid("key"))?;
            builder
                .with_client_auth_cert(certificates(cert, "cert")?, key)
                .map_err(|_| invalid("cert"))?
        }
        _ => builder.with_no_client_auth(),
    };
    if tls.accept_any {
        let schemes = rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes();
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(AcceptAny { schemes }));
    }
    Ok(config)
}

fn certificates(pem: &[u8], option: &str) -> Result<Vec<CertificateDer<'static>>> {
    let mut pem = pem;
    let certs: std::result::Result<Vec<_>, _> = rustls_pemfile::certs(&mut pem).collect();
    match certs {
        Ok(certs) if !certs.is_empty() => Ok(certs),
        _ => Err(invalid(option)),
    }
}

fn invalid(option: &str) -> Error {
    Error::new(
        code::TLS,
        format!("The option tls.{option} is not valid PEM"),
    )
}

/// For `rejectUnauthorized: false`.
#[derive(Debug)]
struct AcceptAny {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
