//! Jobs that a front end packs for a worker, eight-byte words throughout (`lib/worker/message.js`).

pub use ferrolite_sqlite::Rules;
use ferrolite_sqlite::{Param, Params};

use crate::protocol::{flag, job, Op, Value};

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

/// What a front end asks for.
#[derive(Debug)]
pub struct Job {
    /// Numbers rise by one for each connection and wrap around.
    pub id: u32,
    /// What is to be done
    pub op: Op,
    /// The sum of some [`flag`](crate::protocol::flag)s
    pub flags: u32,
    /// Number of a statement, iteration or backup
    pub target: u32,
    /// What else is a number
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

/// A message that no front end writes: the rest of it is not read.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The job that waits for a reply, or [`job::NONE`]
    pub id: u32,
}

/// Reads the jobs of one message.
pub struct Jobs<'a> {
    rest: &'a [u8],
}

impl<'a> Jobs<'a> {
    /// The jobs of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next job, whose parameters go where `params` have their memory. `None` at the end.
    pub fn next(&mut self, params: Params) -> Option<Result<Job, Malformed>> {
        if self.rest.is_empty() {
            return None;
        }
        let id = self.u32().unwrap_or(job::NONE);
        let job = self.read(id, params);
        if job.is_none() {
            self.rest = &[];
        }
        Some(job.ok_or(Malformed { id }))
    }

    fn read(&mut self, id: u32, mut params: Params) -> Option<Job> {
        let op = Op::from_number(self.u32()?)?;
        let target = self.u32()?;
        let extra = self.u32()?.cast_signed();
        let count = self.u32()?;
        let flags = self.u32()?;
        params.clear();
        for _ in 0..count {
            self.value(&mut params)?;
        }
        Some(Job {
            id,
            op,
            flags,
            target,
            extra,
            params,
        })
    }

    fn value(&mut self, params: &mut Params) -> Option<()> {
        let tag = self.u32()?;
        let len = self.u32()?;
        match Value::from_number(tag)? {
            Value::Null => params.values.push(Param::Null),
            Value::Double => {
                let value = f64::from_le_bytes(self.eight()?);
                params.values.push(Param::Real(value));
            }
            Value::Int64 => {
                let value = i64::from_le_bytes(self.eight()?);
                params.values.push(Param::Integer(value));
            }
            Value::Text => params.push_text(self.bytes(len)?),
            Value::Blob => params.push_blob(self.bytes(len)?),
        }
        Some(())
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    /// Bytes that are padded to whole words.
    fn bytes(&mut self, len: u32) -> Option<&'a [u8]> {
        let len = usize::try_from(len).ok()?;
        self.take(len.checked_next_multiple_of(8)?)?.get(..len)
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use ferrolite_sqlite::ValueRef;

    /// As a front end packs a job.
    pub fn pack(
        message: &mut Vec<u8>,
        [id, op, target, extra, flags]: [u32; 5],
        values: &[ValueRef],
    ) {
        let count = u32::try_from(values.len()).unwrap();
        for word in [id, op, target, extra, count, flags] {
            message.extend(word.to_le_bytes());
        }
        for value in values {
            let (tag, len, bytes): (Value, usize, &[u8]) = match value {
                ValueRef::Null => (Value::Null, 0, &[]),
                ValueRef::Integer(value) => (Value::Int64, 0, &value.to_le_bytes()),
                ValueRef::Real(value) => (Value::Double, 0, &value.to_le_bytes()),
                ValueRef::Text(text) => (Value::Text, text.len(), text),
                ValueRef::Blob(blob) => (Value::Blob, blob.len(), blob),
            };
            for word in [tag as u32, u32::try_from(len).unwrap()] {
                message.extend(word.to_le_bytes());
            }
            message.extend(bytes);
            message.resize(message.len().next_multiple_of(8), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::pack;
    use super::*;
    use crate::protocol::flag;
    use crate::testing::{rounds, seed, Random};
    use ferrolite_sqlite::ValueRef;

    const VALUES: [ValueRef; 6] = [
        ValueRef::Null,
        ValueRef::Integer(i64::MIN),
        ValueRef::Real(0.5),
        ValueRef::Text(b"nine chars"),
        ValueRef::Blob(&[1, 2, 3]),
        ValueRef::Text(b""),
    ];

    fn two_jobs() -> Vec<u8> {
        let mut message = Vec::new();
        pack(
            &mut message,
            [7, Op::Run as u32, 3, 0, flag::INT64],
            &VALUES,
        );
        pack(&mut message, [8, Op::Next as u32, 4, u32::MAX, 0], &[]);
        message
    }

    #[test]
    fn jobs_are_read_as_they_were_packed() {
        let message = two_jobs();
        let mut jobs = Jobs::new(&message);
        let job = jobs.next(Params::default()).unwrap().unwrap();
        assert_eq!(
            (job.id, job.op, job.flags, job.target),
            (7, Op::Run, flag::INT64, 3)
        );
        assert_eq!(
            job.params.values,
            [
                Param::Null,
                Param::Integer(i64::MIN),
                Param::Real(0.5),
                Param::Text(0, 10),
                Param::Blob(10, 3),
                Param::Text(13, 0),
            ]
        );
        assert_eq!(job.params.bytes, b"nine chars\x01\x02\x03");
        let job = jobs.next(job.params).unwrap().unwrap();
        assert_eq!(
            (job.id, job.op, job.target, job.extra),
            (8, Op::Next, 4, -1)
        );
        assert!(job.params.values.is_empty() && job.params.bytes.is_empty());
        assert!(jobs.next(Params::default()).is_none());
    }

    #[test]
    fn every_operation_has_its_number() {
        for number in 0..=u32::from(u8::MAX) {
            let mut message = Vec::new();
            pack(&mut message, [1, number, 0, 0, 0], &[]);
            let job = Jobs::new(&message).next(Params::default()).unwrap();
            match Op::from_number(number) {
                Some(op) => assert_eq!(job.unwrap().op, op),
                None => assert_eq!(job.unwrap_err(), Malformed { id: 1 }),
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error_of_its_job() {
        let message = two_jobs();
        let first = message.len() - 24;
        for len in 0..message.len() {
            let mut jobs = Jobs::new(&message[..len]);
            let mut outcomes = Vec::new();
            while let Some(job) = jobs.next(Params::default()) {
                outcomes.push(job.map(|job| job.id).map_err(|malformed| malformed.id));
            }
            // Of four bytes the number is known.
            let expected = match len {
                0 => vec![],
                1..4 => vec![Err(job::NONE)],
                _ if len < first => vec![Err(7)],
                _ if len == first => vec![Ok(7)],
                _ if len < first + 4 => vec![Ok(7), Err(job::NONE)],
                _ => vec![Ok(7), Err(8)],
            };
            assert_eq!(outcomes, expected, "{len} bytes");
        }
    }

    #[test]
    fn a_text_longer_than_its_message_is_an_error() {
        for len in [17, 0x7fff_ffff, u32::MAX] {
            let mut message = Vec::new();
            pack(
                &mut message,
                [1, Op::Exec as u32, 0, 0, 0],
                &[ValueRef::Text(b"0123456789")],
            );
            message[28..32].copy_from_slice(&len.to_le_bytes());
            let job = Jobs::new(&message).next(Params::default()).unwrap();
            assert_eq!(job.unwrap_err(), Malformed { id: 1 });
        }
    }

    /// `FUZZ_SEED` repeats a run, `FUZZ_ROUNDS` makes it longer.
    #[test]
    fn no_message_makes_it_panic_or_read_beyond_its_end() {
        let mut random = Random::new(seed("FUZZ_SEED"));
        for _ in 0..rounds("FUZZ_ROUNDS", 20_000) {
            let mut message = two_jobs();
            for _ in 0..random.below(8) {
                let at = random.below(message.len());
                message[at] = [0, 1, 4, 8, 0x7f, 0xff, random.byte()][random.below(7)];
            }
            message.truncate(random.below(message.len() + 1));
            let mut jobs = Jobs::new(&message);
            let mut count = 0;
            while let Some(job) = jobs.next(Params::default()) {
                count += 1;
                let Ok(job) = job else { continue };
                for value in &job.params.values {
                    let (Param::Text(start, len) | Param::Blob(start, len)) = *value else {
                        continue;
                    };
                    assert!(job.params.bytes.get(start..start + len).is_some());
                }
                assert!(job.params.bytes.len() <= message.len());
            }
            assert!(count <= message.len() / 24 + 1);
        }
    }
}
