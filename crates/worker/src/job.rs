//! Commands that JavaScript packs for a worker (`lib/promise/message.js`), eight-byte words throughout.

use ferrolite_sqlite::{Param, Params};

/// What a job does; `lib/promise/message.js` has the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Compiles SQL as the statement of the given number.
    Prepare,
    /// Forgets a statement.
    Drop,
    Run,
    Get,
    All,
    /// Runs a script.
    Exec,
    /// Opens a cursor of the given number on a statement.
    Iterate,
    /// Up to `extra` rows of a cursor.
    Next,
    /// Closes a cursor.
    Return,
    /// Describes the columns of a statement.
    Columns,
    Serialize,
    /// Closes the connection.
    Close,
    Limit,
    UnsafeMode,
    LoadExtension,
    /// Copies pages into another database; `extra` is the backup's number.
    Backup,
    BackupStep,
    BackupClose,
    /// The statement's SQL with what is bound.
    Expand,
    /// Runs a script if a transaction is open.
    Undo,
    /// Registers a function of JavaScript under a name.
    Function,
    /// Listens to changed rows, or no longer.
    Watch,
    /// Takes over the authorizer that is left at the port.
    Authorizer,
    /// Records changes under a number.
    Session,
    /// What a session has recorded; a patchset if `extra` is not 0.
    Changeset,
    SessionClose,
    /// Applies a changeset; the numbers of a filter and of a conflict handler stand behind it.
    Apply,
    /// Registers a module for virtual tables; `extra` is 1 if it is a table itself.
    Table,
    /// Rows changed by the last statement, and the last inserted rowid.
    Changes,
    /// Encrypts the file with another key, or with none.
    Rekey,
    /// Statements in a transaction of their own, in one trip to a server.
    Batch,
    /// Brings a replica up to date, as far as `extra` says.
    Sync,
    /// What the statement of the given number is, for a worker that need not ask.
    Introduce,
    /// What the connection holds in memory.
    Stats,
}

const OPS: [Op; 34] = [
    Op::Prepare,
    Op::Drop,
    Op::Run,
    Op::Get,
    Op::All,
    Op::Exec,
    Op::Iterate,
    Op::Next,
    Op::Return,
    Op::Columns,
    Op::Serialize,
    Op::Close,
    Op::Limit,
    Op::UnsafeMode,
    Op::LoadExtension,
    Op::Backup,
    Op::BackupStep,
    Op::BackupClose,
    Op::Expand,
    Op::Undo,
    Op::Function,
    Op::Watch,
    Op::Authorizer,
    Op::Session,
    Op::Changeset,
    Op::SessionClose,
    Op::Apply,
    Op::Table,
    Op::Changes,
    Op::Rekey,
    Op::Batch,
    Op::Sync,
    Op::Introduce,
    Op::Stats,
];

impl Op {
    /// Whether it runs SQL that was given for it: the next one behind a transaction begins another state.
    pub fn executes(self) -> bool {
        matches!(
            self,
            Self::Run
                | Self::Get
                | Self::All
                | Self::Iterate
                | Self::Exec
                | Self::Batch
                | Self::Apply
                | Self::Changes
                | Self::Undo
        )
    }
}

/// Integers as `BigInt`s.
pub const INT64: u32 = 1;
/// The first column alone.
pub const PLUCK: u32 = 2;
/// A PRAGMA, or an EXPLAIN, which runs without its parameters.
pub const PRAGMA: u32 = 4;
pub const EXPLAIN: u32 = 8;
/// What a function is.
pub const DETERMINISTIC: u32 = 16;
pub const DIRECT_ONLY: u32 = 32;
pub const AGGREGATE: u32 = 64;
pub const WINDOW: u32 = 128;
/// How long it runs is to be told.
pub const TIMED: u32 = 256;
/// It belongs to a `db.transaction()`: once an error has ended that, it is refused.
pub const INSIDE: u32 = 512;

/// One command.
pub struct Job {
    /// Numbers rise by one for each connection and wrap around.
    pub id: u32,
    pub op: Op,
    pub flags: u32,
    /// Number of a statement, cursor or backup.
    pub target: u32,
    pub extra: i32,
    /// The values are all that the statement takes, in its order.
    pub params: Params,
}

impl Job {
    /// Whether it belongs to a transaction, and is one of those that are refused once that has ended.
    pub fn is_inside(&self) -> bool {
        self.flags & INSIDE != 0 && self.op != Op::Undo && self.op.executes()
    }
}

/// Reads the jobs of one message.
pub struct Jobs<'a> {
    rest: &'a [u8],
}

impl<'a> Jobs<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// The next job. `None` at the end; what does not parse ends it too, and nothing but
    /// `lib/promise/message.js` writes messages.
    pub fn next(&mut self, mut params: Params) -> Option<Job> {
        let id = self.u32()?;
        let op = self.u32()?;
        let target = self.u32()?;
        let extra = self.u32()?.cast_signed();
        let count = self.u32()?;
        let flags = self.u32()?;
        params.clear();
        for _ in 0..count {
            let tag = self.u32()?;
            let len = usize::try_from(self.u32()?).ok()?;
            match tag {
                0 => params.values.push(Param::Null),
                1 => {
                    let bits = self.take(8)?.try_into().ok()?;
                    params.values.push(Param::Real(f64::from_le_bytes(bits)));
                }
                2 => {
                    let bits = self.take(8)?.try_into().ok()?;
                    params.values.push(Param::Integer(i64::from_le_bytes(bits)));
                }
                3 => {
                    let text = self.take(len.next_multiple_of(8))?;
                    params.push_text(text.get(..len)?);
                }
                4 => {
                    let blob = self.take(len.next_multiple_of(8))?;
                    params.push_blob(blob.get(..len)?);
                }
                _ => return None,
            }
        }
        let op = *OPS.get(usize::try_from(op).ok()?)?;
        Some(Job {
            id,
            op,
            flags,
            target,
            extra,
            params,
        })
    }
}
