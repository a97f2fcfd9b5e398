//! Every number that this crate shares with JavaScript. `lib/protocol.js` has the same names and values; a test
//! compares the two files.

use ferrolite_sqlite::{BYTES_PER_BLOCK, SLOTS_PER_BLOCK};
use ferrolite_worker::protocol::{BYTES_OVER, PARTS_PER_BLOCK};

/// Places in the header of the block: numbers of 32 bits, from `CHANGES` to `CALL_VALUE` of 64.
pub mod header {
    /// Changes when the columns of the statement may have.
    pub const VERSION: usize = 0;
    /// Rows in the block
    pub const ROWS: usize = 1;
    /// 1 when the last row is in the block
    pub const DONE: usize = 2;
    /// 1 for a statement that returns data
    pub const READER: usize = 3;
    /// 1 for a statement that writes nothing
    pub const READONLY: usize = 4;
    /// JavaScript says 1: the arguments of this call are in the order of the parameters.
    pub const ORDERED: usize = 5;
    /// 1 for a statement that reads the same on other connections to its file
    pub const SHARED: usize = 6;
    /// 1 when `extras` is not empty
    pub const EXTRAS: usize = 7;
    /// Columns of the statement that the rows are of
    pub const COLUMNS: usize = 8;
    /// Callbacks of `SQLite` into JavaScript that are running
    pub const DEPTH: usize = 9;
    /// Arguments of a callback
    pub const CALL_ARGS: usize = 10;
    /// Number of the group that an aggregate's callback is about
    pub const CALL_GROUP: usize = 11;
    /// Tag of a callback's result
    pub const CALL_RESULT: usize = 12;
    /// Parts of the block of a worker
    pub const PARTS: usize = 13;
    /// 1 while a transaction is open; negative: as before
    pub const IN_TRANSACTION: usize = 14;
    /// 1 if others may read the same file instead; negative: as before
    pub const SHAREABLE: usize = 15;
    /// Rows changed by the last statement
    pub const CHANGES: usize = 16;
    /// The last inserted rowid as a double
    pub const ROWID: usize = 17;
    /// The same as a 64-bit integer
    pub const ROWID_INT64: usize = 18;
    /// A callback's result that is a number
    pub const CALL_VALUE: usize = 19;
    /// Slots of a worker's block: of 32 bits again, at byte 80
    pub const SLOTS: usize = 20;
}

/// Which function reads rows, by the sum of these.
pub mod mode {
    /// Integers are `BigInt`s.
    pub const INT64: u8 = 1;
    /// The first column alone.
    pub const PLUCK: u8 = 2;
}

/// Arguments of a callback: `SQLite` has 127 at most.
pub const CALL_SLOTS: usize = 128;
/// Where the tags begin, in bytes, behind the header
pub const TAGS_AT: usize = 256;
/// Where the slots begin
pub const SLOTS_AT: usize = TAGS_AT + SLOTS_PER_BLOCK;
/// Where the bytes of blobs begin
pub const BYTES_AT: usize = SLOTS_AT + 8 * SLOTS_PER_BLOCK;
/// Where the tags of a callback's arguments begin
pub const CALL_TAGS_AT: usize = BYTES_AT + BYTES_PER_BLOCK + BYTES_OVER;
/// Where the slots of a callback's arguments begin
pub const CALL_SLOTS_AT: usize = CALL_TAGS_AT + CALL_SLOTS;
/// Where the parts begin
pub const PARTS_AT: usize = CALL_SLOTS_AT + 8 * CALL_SLOTS;
/// Bytes of the block
pub const BLOCK_LENGTH: usize = PARTS_AT + 16 * PARTS_PER_BLOCK;
/// Texts of this length are turned into UTF-8 by JavaScript: Node has a much faster way to do it than Node-API
/// offers (1 MB: 40 us against 300).
pub const LONG_TEXT: usize = 8192;
