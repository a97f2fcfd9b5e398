//! Pages, packed.

use lz4_flex::block;

use crate::record::page_sum;

const RAW: u8 = 0;
const LZ4: u8 = 1;
const AFTER: u8 = 2;

/// A page in a slot, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// 0 raw, 1 LZ4, 2 LZ4 with the image before it as dictionary.
    pub form: u8,
    /// The CRC-32 of the image.
    pub sum: u32,
    /// What is stored.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// Packs an image, shorter with the one before it.
    pub fn pack(image: &[u8], before: Option<&[u8]>) -> Self {
        let (form, bytes) = match before {
            Some(before) => (AFTER, block::compress_with_dict(image, before)),
            None => (LZ4, block::compress(image)),
        };
        let (form, bytes) = if bytes.len() < image.len() {
            (form, bytes)
        } else {
            (RAW, image.to_vec())
        };
        Self {
            form,
            sum: page_sum(image),
            bytes,
        }
    }

    /// Whether the image before it is needed.
    pub fn is_after(&self) -> bool {
        self.form == AFTER
    }

    /// The image, if it is the one that was packed.
    pub fn unpack(&self, before: Option<&[u8]>, page_size: usize) -> Option<Vec<u8>> {
        let image = match self.form {
            RAW => Some(self.bytes.clone()),
            LZ4 => block::decompress(&self.bytes, page_size).ok(),
            AFTER => block::decompress_with_dict(&self.bytes, page_size, before?).ok(),
            _ => None,
        }?;
        (image.len() == page_size && page_sum(&image) == self.sum).then_some(image)
    }
}

/// The body of an image: a byte for its form, and bytes.
pub fn pack_image(image: &[u8]) -> Vec<u8> {
    let bytes = block::compress(image);
    let (form, bytes) = if bytes.len() < image.len() {
        (LZ4, bytes.as_slice())
    } else {
        (RAW, image)
    };
    [&[form], bytes].concat()
}

/// The image, if it is of this size.
pub fn unpack_image(body: &[u8], page_size: usize) -> Option<Vec<u8>> {
    let image = match body.split_first()? {
        (&RAW, bytes) => bytes.to_vec(),
        (&LZ4, bytes) => block::decompress(bytes, page_size).ok()?,
        _ => return None,
    };
    (image.len() == page_size).then_some(image)
}
