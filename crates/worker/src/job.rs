//! Jobs that a front end packs for a worker, eight-byte words throughout (`lib/worker/message.js`).

pub use ferrolite_sqlite::Rules;
use ferrolite_sqlite::{Param, Params};

use crate::protocol::{flag, Op, Value};

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
        self.flags & flag::INSIDE != 0 && self.op != Op::Undo && self.op.executes()
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

    /// The next job. `None` at the end; what does not parse ends it too.
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
            match Value::from_number(tag)? {
                Value::Null => params.values.push(Param::Null),
                Value::Double => {
                    let bits = self.take(8)?.try_into().ok()?;
                    params.values.push(Param::Real(f64::from_le_bytes(bits)));
                }
                Value::Int64 => {
                    let bits = self.take(8)?.try_into().ok()?;
                    params.values.push(Param::Integer(i64::from_le_bytes(bits)));
                }
                Value::Text => {
                    let text = self.take(len.next_multiple_of(8))?;
                    params.push_text(text.get(..len)?);
                }
                Value::Blob => {
                    let blob = self.take(len.next_multiple_of(8))?;
                    params.push_blob(blob.get(..len)?);
                }
            }
        }
        let op = Op::from_number(op)?;
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
