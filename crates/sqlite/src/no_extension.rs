//! In WASM there are no shared libraries.

use crate::connection::Connection;
use crate::error::{Error, Result};

impl Connection {
    /// Fails.
    #[allow(clippy::unused_self)]
    pub fn load_extension(&self, _path: &str, _entry_point: Option<&str>) -> Result<()> {
        Err(Error::Type(
            "loadExtension() is not available in WASM: there are no shared libraries",
        ))
    }
}
