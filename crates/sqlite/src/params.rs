//! Parameters of one execution, collected before `SQLite` is touched.

/// One parameter; text and blobs are ranges of [`Params::bytes`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Param {
    /// `NULL`
    Null,
    /// 64-bit signed integer
    Integer(i64),
    /// IEEE double
    Real(f64),
    /// UTF-8 text: offset and length in bytes
    Text(usize, usize),
    /// Bytes: offset and length
    Blob(usize, usize),
    /// Bytes of somebody else: see [`Params::push_lent`]
    Lent(*const u8, usize),
    /// UTF-8 of somebody else: see [`Params::push_lent_text`]
    LentText(*const u8, usize),
}

/// Positional parameters, in order, with the memory that their text and blobs stand in.
///
/// Collecting and binding are two steps because whoever supplies values may run code of the user.
#[derive(Debug, Default)]
pub struct Params {
    /// One entry per parameter.
    pub values: Vec<Param>,
    /// The bytes that text and blob entries point into.
    pub bytes: Vec<u8>,
}

/// Capacity that is kept from one execution to the next; larger ones are given back.
const KEPT_BYTES: usize = 4 << 20;

impl Params {
    /// Empties the list and keeps its memory, up to 4 MiB.
    pub fn clear(&mut self) {
        self.values.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }

    /// Copies what is lent, so that nothing points elsewhere.
    pub(crate) fn own(&mut self) {
        for value in &mut self.values {
            let (Param::Lent(at, len) | Param::LentText(at, len)) = *value else {
                continue;
            };
            let start = self.bytes.len();
            // SAFETY: the bytes are there: see `push_lent`.
            self.bytes
                .extend_from_slice(unsafe { std::slice::from_raw_parts(at, len) });
            *value = match value {
                Param::Lent(..) => Param::Blob(start, len),
                _ => Param::Text(start, len),
            };
        }
    }

    /// One of them, by itself.
    pub(crate) fn only(&self, at: usize) -> Option<Self> {
        let bytes = |start: usize, len: usize| self.bytes.get(start..start + len);
        let mut only = Self::default();
        match *self.values.get(at)? {
            Param::Text(start, len) => only.push_text(bytes(start, len)?),
            Param::Blob(start, len) => only.push_blob(bytes(start, len)?),
            value => only.values.push(value),
        }
        Some(only)
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &[u8]) {
        self.values.push(Param::Text(self.bytes.len(), text.len()));
        self.bytes.extend_from_slice(text);
    }

    /// Appends a blob that stays where it is.
    ///
    /// # Safety
    /// The `len` bytes at `at` neither move nor change until these parameters are cleared or dropped.
    pub unsafe fn push_lent(&mut self, at: *const u8, len: usize) {
        self.values.push(Param::Lent(at, len));
    }

    /// Appends text that stays where it is.
    ///
    /// # Safety
    /// As [`push_lent`](Self::push_lent).
    pub unsafe fn push_lent_text(&mut self, at: *const u8, len: usize) {
        self.values.push(Param::LentText(at, len));
    }

    /// Appends a blob.
    pub fn push_blob(&mut self, blob: &[u8]) {
        self.values.push(Param::Blob(self.bytes.len(), blob.len()));
        self.bytes.extend_from_slice(blob);
    }
}
