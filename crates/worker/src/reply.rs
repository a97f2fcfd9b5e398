//! Replies of a worker: packed rows of many calls in one block, and what each call has in it.

use std::time::Duration;

use ferrolite_sqlite::{
    code_name, code_number, Encoder, Error, Large, Row, Tag, Target, ValueRef, BYTES_PER_BLOCK,
    SLOTS_PER_BLOCK,
};

use crate::port::Port;
use crate::protocol::{flag, part, ErrorKind, Reply, BYTES_OVER, PARTS_PER_BLOCK};

/// Kind, first slot, rows, columns.
pub type Part = [i32; part::LENGTH];

/// A value too large to share a block.
pub enum OwnedLarge {
    Latin1(Vec<u8>),
    Utf16(Vec<u16>),
    Blob(Vec<u8>),
}

impl OwnedLarge {
    fn new(value: &Large<'_>) -> Self {
        match *value {
            Large::Latin1(text) => Self::Latin1(text.to_vec()),
            Large::Utf16(text) => Self::Utf16(text.to_vec()),
            Large::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }

    pub fn borrow(&self) -> Large<'_> {
        match self {
            Self::Latin1(text) => Large::Latin1(text),
            Self::Utf16(text) => Large::Utf16(text),
            Self::Blob(blob) => Large::Blob(blob),
        }
    }
}

/// A block on its way to JavaScript.
#[derive(Default)]
pub struct Block {
    pub tags: Vec<u8>,
    pub slots: Vec<u64>,
    pub bytes: Vec<u8>,
    pub latin1: Vec<u8>,
    pub utf16: Vec<u16>,
    pub larges: Vec<OwnedLarge>,
    pub parts: Vec<Part>,
    /// How the connection was when the last job ended.
    pub state: Option<ConnectionState>,
}

/// What JavaScript knows of a connection.
#[derive(Clone, Copy)]
pub struct ConnectionState {
    /// A transaction is open.
    pub in_transaction: bool,
    /// Others may read the same file instead.
    pub shareable: bool,
}

/// Appends what `stmt.columns()` tells of a column, for a text of all columns: it costs JavaScript one value,
/// which it takes apart when it is needed.
pub fn push_column(columns: &mut Vec<u8>, column: [Option<&[u8]>; 5]) {
    // None of them has a NUL; one that is not there is told from an empty one.
    for field in column {
        if let Some(field) = field {
            columns.push(b'=');
            columns.extend_from_slice(field);
        }
        columns.push(0);
    }
}

/// What is told of every statement, as values.
pub const DESCRIPTION: usize = 3;

/// Where the worker packs values before they join a block.
pub struct Scratch {
    encoder: Encoder,
    tags: Vec<u8>,
    slots: Vec<u64>,
    bytes: Vec<u8>,
    larges: Vec<OwnedLarge>,
    large_bytes: usize,
    parts: Vec<Part>,
    /// `None` while nothing has ended.
    pub state: Option<ConnectionState>,
}

impl Scratch {
    pub fn new() -> Self {
        Self {
            encoder: Encoder::default(),
            tags: vec![0; SLOTS_PER_BLOCK],
            slots: vec![0; SLOTS_PER_BLOCK],
            bytes: vec![0; BYTES_PER_BLOCK + BYTES_OVER],
            larges: Vec::new(),
            large_bytes: 0,
            parts: Vec::new(),
            state: None,
        }
    }

    pub fn clear(&mut self) {
        self.encoder.clear();
        self.larges.clear();
        self.large_bytes = 0;
        self.parts.clear();
    }

    /// Large values count too: a block of them is what JavaScript takes in one go.
    pub fn has_room(&self, columns: usize) -> bool {
        self.encoder.has_room(columns)
            && self.large_bytes < 16 * BYTES_PER_BLOCK
            && self.parts.len() + 2 < PARTS_PER_BLOCK
    }

    pub fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// First slot of the part that is begun now.
    pub fn start(&self) -> usize {
        self.encoder.used_slots()
    }

    /// Ends a part that began at slot `start`.
    pub fn part(&mut self, kind: Reply, start: usize, rows: i32, columns: usize) {
        let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        self.parts
            .push([kind as i32, int(start), rows, int(columns)]);
    }

    pub fn push_row(&mut self, row: Row<'_>, columns: usize, int64: bool) {
        let mut target = Target {
            tags: &mut self.tags,
            slots: &mut self.slots,
            bytes: &mut self.bytes,
        };
        let (larges, size) = (&mut self.larges, &mut self.large_bytes);
        self.encoder
            .push_row(row, columns, int64, &mut target, &mut |value| {
                push_large(larges, size, &value)
            });
    }

    pub fn push(&mut self, value: ValueRef<'_>, int64: bool) {
        let mut target = Target {
            tags: &mut self.tags,
            slots: &mut self.slots,
            bytes: &mut self.bytes,
        };
        let (larges, size) = (&mut self.larges, &mut self.large_bytes);
        self.encoder.push(value, int64, &mut target, &mut |value| {
            push_large(larges, size, &value)
        });
    }

    /// Makes the part that ends the call one before its end, and returns what is to end it.
    pub fn put_off_end(&mut self) -> Reply {
        match self.parts.last_mut() {
            Some(last) if last[part::KIND] == Reply::LastRows as i32 => {
                last[part::KIND] = Reply::Rows as i32;
                Reply::LastRows
            }
            _ => {
                self.parts.pop();
                Reply::Done
            }
        }
    }

    /// Says before the call's end how long it has run.
    pub fn push_time(&mut self, time: Duration) {
        let us = i32::try_from(time.as_micros()).unwrap_or(i32::MAX);
        let at = self.parts.len().saturating_sub(1);
        self.parts.insert(at, [Reply::Time as i32, 0, us, 0]);
    }

    /// Says before the call's error that it has ended the transaction.
    pub fn push_lost(&mut self) {
        let at = self.parts.len().saturating_sub(1);
        self.parts.insert(at, [Reply::Lost as i32, 0, 0, 0]);
    }

    /// The call is refused: an error of another one has ended its transaction.
    pub fn push_refusal(&mut self) {
        self.push_values(Reply::Error, &[ValueRef::Integer(ErrorKind::Lost as i64)]);
    }

    /// Takes the last part back: the call does not end so.
    pub fn take_back(&mut self) {
        self.parts.pop();
    }

    /// A part with one row of values.
    pub fn push_values(&mut self, kind: Reply, values: &[ValueRef<'_>]) {
        let start = self.start();
        for value in values {
            self.push(*value, false);
        }
        self.part(kind, start, 1, values.len());
    }

    /// Rows changed, and the last inserted rowid.
    pub fn push_changes(&mut self, changes: i64, rowid: i64, flags: u32) {
        let start = self.start();
        self.push(ValueRef::Integer(changes), false);
        self.push(ValueRef::Integer(rowid), flags & flag::INT64 != 0);
        self.part(Reply::LastRows, start, 1, 2);
    }

    /// Sends what is here if there is no room for so many more values.
    pub fn make_room(&mut self, port: &Port, columns: usize) {
        if !self.has_room(columns) {
            port.send(self);
        }
    }

    /// Whether a statement returns data, whether it only reads, and the name or NULL of each parameter.
    pub fn push_description(
        &mut self,
        port: &Port,
        reader: bool,
        readonly: bool,
        shared: bool,
        names: &[Option<Vec<u8>>],
    ) {
        let mut start = self.start();
        let mut count = DESCRIPTION;
        for flag in [reader, readonly, shared] {
            self.push(ValueRef::Integer(flag.into()), false);
        }
        for name in names {
            if !self.has_room(1) {
                self.part(Reply::Rows, start, 1, count);
                port.send(self);
                (start, count) = (self.start(), 0);
            }
            let name = name.as_deref().map_or(ValueRef::Null, ValueRef::Text);
            self.push(name, false);
            count += 1;
        }
        self.part(Reply::LastRows, start, 1, count);
    }

    /// An error that is not from an engine here: `code` by its name, and the HTTP status.
    pub fn push_remote_error(
        &mut self,
        message: &str,
        code: &str,
        status: Option<u16>,
        (offset, statement): (i32, i32),
    ) {
        let number = code_number(code).map(|number| ValueRef::Integer(number.into()));
        let status = status.map(|status| ValueRef::Integer(status.into()));
        let values = [
            ValueRef::Integer(ErrorKind::Sqlite as i64),
            ValueRef::Text(message.as_bytes()),
            ValueRef::Text(code.as_bytes()),
            number.unwrap_or(ValueRef::Null),
            status.unwrap_or(ValueRef::Null),
            ValueRef::Integer(offset.into()),
            ValueRef::Integer(statement.into()),
        ];
        self.push_values(Reply::Error, &values);
    }

    /// A `RangeError` with a message of its own.
    pub fn push_range_error(&mut self, message: &str) {
        let kind = ValueRef::Integer(ErrorKind::Range as i64);
        let values = [kind, ValueRef::Text(message.as_bytes())];
        self.push_values(Reply::Error, &values);
    }

    pub fn push_error(&mut self, error: &Error) {
        let (kind, code) = match error {
            Error::Sqlite { code, .. } => (ErrorKind::Sqlite, *code),
            Error::Type(_) => (ErrorKind::Type, 0),
            Error::Range(_) => (ErrorKind::Range, 0),
            _ => (ErrorKind::Callback, 0),
        };
        let (text, name) = (error.to_string(), code_name(code));
        let (message, offset, statement) = match error {
            Error::Sqlite {
                message,
                offset,
                statement,
                ..
            } => (&**message, *offset, *statement),
            _ => (text.as_bytes(), -1, -1),
        };
        let values = [
            ValueRef::Integer(kind as i64),
            ValueRef::Text(message),
            ValueRef::Text(name.as_bytes()),
            ValueRef::Integer(code.into()),
            ValueRef::Null,
            ValueRef::Integer(offset.into()),
            ValueRef::Integer(statement.into()),
        ];
        self.push_values(Reply::Error, &values);
    }
}

/// Index 0 is the block's UTF-16 text.
fn push_large(larges: &mut Vec<OwnedLarge>, size: &mut usize, value: &Large<'_>) -> u32 {
    *size += match value {
        Large::Latin1(text) => text.len(),
        Large::Utf16(text) => 2 * text.len(),
        Large::Blob(blob) => blob.len(),
    };
    larges.push(OwnedLarge::new(value));
    u32::try_from(larges.len()).unwrap_or(u32::MAX)
}

impl Block {
    /// True if all that `scratch` holds may join.
    pub fn fits(&self, scratch: &Scratch) -> bool {
        let encoder = &scratch.encoder;
        self.slots.len() + encoder.used_slots() <= SLOTS_PER_BLOCK
            && self.parts.len() + scratch.parts.len() <= PARTS_PER_BLOCK
            && self.latin1.len() + encoder.latin1.len() <= BYTES_PER_BLOCK
            && self.utf16.len() + encoder.utf16.len() <= BYTES_PER_BLOCK
            && self.bytes.len() + encoder.used_bytes() <= BYTES_PER_BLOCK
            && self.larges.is_empty()
            && scratch.larges.is_empty()
    }

    /// Appends all that `scratch` holds; places in texts and bytes move behind those that are here.
    pub fn append(&mut self, scratch: &mut Scratch) {
        let encoder = &scratch.encoder;
        let count = encoder.used_slots();
        let first = self.slots.len();
        self.tags.extend_from_slice(&scratch.tags[..count]);
        self.slots.extend_from_slice(&scratch.slots[..count]);
        let move_by = |by: usize| by as u64 | (by as u64) << 32;
        let (latin1, utf16) = (move_by(self.latin1.len()), move_by(self.utf16.len()));
        let (bytes, large) = (move_by(self.bytes.len()), self.larges.len() as u64);
        if latin1 | utf16 | bytes | large != 0 {
            for (tag, slot) in self.tags[first..].iter().zip(&mut self.slots[first..]) {
                *slot += match *tag {
                    tag if tag == Tag::Latin1 as u8 => latin1,
                    tag if tag == Tag::Utf16 as u8 => utf16,
                    tag if tag == Tag::Bytes as u8 => bytes,
                    tag if tag == Tag::Large as u8 => large,
                    _ => 0,
                };
            }
        }
        self.latin1.extend_from_slice(&encoder.latin1);
        self.utf16.extend_from_slice(&encoder.utf16);
        self.bytes
            .extend_from_slice(&scratch.bytes[..encoder.used_bytes()]);
        self.larges.append(&mut scratch.larges);
        let first = i32::try_from(first).unwrap_or(i32::MAX);
        self.parts.extend(
            scratch
                .parts
                .drain(..)
                .map(|[kind, start, rows, columns]| [kind, start + first, rows, columns]),
        );
        self.state = scratch.state.or(self.state);
        scratch.clear();
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;

    /// A reply that is a number.
    pub fn packed(number: i32) -> Scratch {
        let mut scratch = Scratch::new();
        scratch.push_values(Reply::LastRows, &[ValueRef::Integer(number.into())]);
        scratch
    }

    /// The numbers that a block has.
    pub fn unpacked(block: &Block) -> Vec<i32> {
        let slots = block.slots.iter();
        slots
            .map(|slot| i32::from_le_bytes(slot.to_le_bytes()[..4].try_into().unwrap()))
            .collect()
    }
}
