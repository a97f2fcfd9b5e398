//! What a worker replies, packed: rows, values, errors and ends of jobs. Every kind of worker has one [`Replies`].

mod rows;

use std::time::{Duration, Instant};

use ferrolite_kv::Error as StoreFailure;
use ferrolite_sqlite::{code_name, code_number, Error, Params, ValueRef};

use crate::block::{ConnectionState, Packer};
use crate::job::{Jobs, Malformed};
use crate::port::Port;
use crate::protocol::{flag, job, part, ErrorKind, Op, Reply};

pub use rows::{push_column, Rows};

/// How long replies may wait for others that come with them: far less than waking the front end for each would
/// take.
const GATHERING: Duration = Duration::from_micros(100);

/// An error in a message, which nothing but a bug makes.
pub const INTERNAL: Error = Error::Type("Internal error in Ferrolite: please report it");

/// Packs replies, and sends them to the front end.
pub struct Replies<'p> {
    port: &'p Port,
    packer: Packer,
    /// When the front end was woken last.
    notified: Instant,
}

impl<'p> Replies<'p> {
    /// Replies through a port.
    pub fn new(port: &'p Port) -> Self {
        Self {
            port,
            packer: Packer::default(),
            notified: Instant::now(),
        }
    }

    /// Sends what is packed if so many more values do not fit.
    pub fn make_space(&mut self, columns: usize) {
        if !self.packer.has_space(columns) {
            self.send();
        }
    }

    /// Sends what is packed, and wakes the front end for it.
    pub fn send(&mut self) {
        self.port.send(&mut self.packer);
    }

    /// First slot of the part that is begun now.
    pub fn start(&self) -> usize {
        self.packer.start()
    }

    /// One value of the part that was begun.
    pub fn push(&mut self, value: ValueRef<'_>, int64: bool) {
        self.packer.push(value, int64);
    }

    /// A text of the part that was begun, or NULL.
    pub fn push_text(&mut self, text: Option<&[u8]>) {
        self.push(text.map_or(ValueRef::Null, ValueRef::Text), false);
    }

    /// Ends a part that began at slot `start`.
    pub fn part(&mut self, kind: Reply, start: usize, rows: i32, columns: usize) {
        self.packer.part(kind, start, rows, columns);
    }

    /// A part with one row of values.
    pub fn push_values(&mut self, kind: Reply, values: &[ValueRef<'_>]) {
        self.make_space(values.len());
        self.packer.push_values(kind, values);
    }

    /// The job has ended with one row.
    pub fn end_with(&mut self, values: &[ValueRef<'_>]) {
        self.push_values(Reply::LastRows, values);
    }

    /// The job has ended without a value.
    pub fn done(&mut self) {
        self.part(Reply::Done, 0, 0, 0);
    }

    /// Rows changed, and the last inserted rowid.
    pub fn changes(&mut self, changes: i64, rowid: i64, flags: u32) {
        self.make_space(2);
        let start = self.start();
        self.push(ValueRef::Integer(changes), false);
        self.push(ValueRef::Integer(rowid), flags & flag::INT64 != 0);
        self.part(Reply::LastRows, start, 1, 2);
    }

    /// Whether a statement returns data, whether it only reads, whether others may execute it, and the name or NULL
    /// of each parameter.
    pub fn description(&mut self, facts: [bool; 3], names: &[Option<Vec<u8>>]) {
        self.make_space(facts.len());
        let mut start = self.start();
        let mut count = facts.len();
        for fact in facts {
            self.push(ValueRef::Integer(fact.into()), false);
        }
        for name in names {
            if !self.packer.has_space(1) {
                self.part(Reply::Rows, start, 1, count);
                self.send();
                (start, count) = (self.start(), 0);
            }
            self.push_text(name.as_deref());
            count += 1;
        }
        self.part(Reply::LastRows, start, 1, count);
    }

    /// The job has failed in this process.
    pub fn error(&mut self, error: &Error) {
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

    /// The job has failed on a server, or on the network.
    pub fn remote_error(&mut self, error: &RemoteError<'_>) {
        let number = code_number(error.code).map(|number| ValueRef::Integer(number.into()));
        let status = error.status.map(|status| ValueRef::Integer(status.into()));
        let values = [
            ValueRef::Integer(ErrorKind::Sqlite as i64),
            ValueRef::Text(error.message.as_bytes()),
            ValueRef::Text(error.code.as_bytes()),
            number.unwrap_or(ValueRef::Null),
            status.unwrap_or(ValueRef::Null),
            ValueRef::Integer(error.offset.into()),
            ValueRef::Integer(error.statement.into()),
            ValueRef::Text(error.outcome.as_bytes()),
        ];
        self.push_values(Reply::Error, &values);
    }

    /// The job has failed with an error of a key-value store, for which the engine has that code.
    pub fn store_error(&mut self, error: &StoreFailure, code: i32) {
        let message = error.to_string();
        let name = match error {
            StoreFailure::Usage(_) => code_name(code),
            _ => error.code().into(),
        };
        let key = error
            .key()
            .map_or(ValueRef::Null, |key| ValueRef::Text(key.as_bytes()));
        let reason = error.store_error().map_or(0, |source| source.reason);
        let values = [
            ValueRef::Integer(ErrorKind::Store as i64),
            ValueRef::Text(message.as_bytes()),
            ValueRef::Text(name.as_bytes()),
            ValueRef::Integer(code.into()),
            ValueRef::Null,
            ValueRef::Integer(-1),
            ValueRef::Integer(-1),
            ValueRef::Null,
            key,
            ValueRef::Integer(reason.into()),
        ];
        self.push_values(Reply::Error, &values);
    }

    /// The job has failed with a `RangeError` that has a message of its own, at the statement of that number and the
    /// byte where it begins.
    pub fn range_error(&mut self, message: &str, (statement, start): (i32, i32)) {
        let values = [
            ValueRef::Integer(ErrorKind::Range as i64),
            ValueRef::Text(message.as_bytes()),
            ValueRef::Null,
            ValueRef::Null,
            ValueRef::Null,
            ValueRef::Integer(start.into()),
            ValueRef::Integer(statement.into()),
        ];
        self.push_values(Reply::Error, &values);
    }

    /// Makes the part that ends the job one before its end, and returns what is to end it.
    pub fn put_off_end(&mut self) -> Reply {
        let parts = self.packer.parts_mut();
        match parts.last_mut() {
            Some(last) if last[part::KIND] == Reply::LastRows as i32 => {
                last[part::KIND] = Reply::Rows as i32;
                Reply::LastRows
            }
            _ => {
                parts.pop();
                Reply::Done
            }
        }
    }

    /// Says before the end of the job how long it has run.
    pub fn time(&mut self, time: Duration) {
        let us = i32::try_from(time.as_micros()).unwrap_or(i32::MAX);
        let parts = self.packer.parts_mut();
        let at = parts.len().saturating_sub(1);
        parts.insert(at, [Reply::Time as i32, 0, us, 0]);
    }

    /// Says before the error of the job that it has ended the transaction.
    pub fn lost(&mut self) {
        let parts = self.packer.parts_mut();
        let at = parts.len().saturating_sub(1);
        parts.insert(at, [Reply::Lost as i32, 0, 0, 0]);
    }

    /// The job is refused: an error of another one has ended its transaction.
    pub fn refusal(&mut self) {
        let kind = ValueRef::Integer(ErrorKind::Lost as i64);
        self.push_values(Reply::Error, &[kind]);
    }

    /// Takes the last part back: the job does not end so.
    pub fn take_back(&mut self) {
        self.packer.parts_mut().pop();
    }

    /// The job has ended, and its reply is packed. The front end is woken for it when replies have gathered long
    /// enough, or when the worker has nothing else to do.
    pub fn end(&mut self, id: u32, state: ConnectionState) {
        self.port.end(id);
        self.packer.set_state(state);
        self.port.send_with_others(&mut self.packer);
        if self.notified.elapsed() >= GATHERING {
            self.port.notify();
            self.notified = Instant::now();
        }
    }

    /// The job has ended, and nothing is known of the connection.
    pub fn end_and_send(&mut self, id: u32) {
        self.port.end(id);
        self.send();
    }

    /// Ends a job that could not be read.
    pub fn malformed(&mut self, id: u32) {
        if id != job::NONE {
            self.error(&INTERNAL);
            self.end_and_send(id);
        }
    }

    /// Ends every job with the error that opening ended with, which `fail` packs.
    pub fn refuse(mut self, fail: impl Fn(&mut Self)) {
        fail(&mut self);
        self.end_and_send(job::OPENING);
        while let Some(message) = self.port.receive() {
            let mut jobs = Jobs::new(&message);
            while let Some(job) = jobs.next(Params::default()) {
                let (id, op) = match job {
                    Ok(job) => (job.id, Some(job.op)),
                    Err(Malformed { id }) => (id, None),
                };
                if id != job::NONE {
                    self.port.begin(id);
                    fail(&mut self);
                    self.end_and_send(id);
                }
                if op == Some(Op::Close) {
                    self.port.close();
                }
            }
        }
    }
}

/// An error that is not from the engine of this process.
pub struct RemoteError<'e> {
    /// For people
    pub message: &'e str,
    /// Its name
    pub code: &'e str,
    /// The HTTP status, if there was a reply
    pub status: Option<u16>,
    /// The byte of the SQL that it is about, or -1
    pub offset: i32,
    /// The number of the statement that it is about, or -1
    pub statement: i32,
    /// What became of the call
    pub outcome: &'e str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::testing::read;
    use crate::job::testing::pack;

    fn port() -> Port {
        Port::new(Box::new(|| {}))
    }

    fn sent(port: &Port) -> Vec<(i32, Vec<String>)> {
        let blocks = std::iter::from_fn(|| port.take());
        blocks.flat_map(|block| read(&block)).collect()
    }

    fn kinds(port: &Port) -> Vec<i32> {
        sent(port).into_iter().map(|(kind, _)| kind).collect()
    }

    const STATE: ConnectionState = ConnectionState {
        in_transaction: true,
        shareable: false,
    };

    #[test]
    fn replies_arrive_with_what_is_known_of_the_connection() {
        let port = port();
        let mut replies = Replies::new(&port);
        replies.changes(3, i64::MAX, flag::INT64);
        replies.end(1, STATE);
        let block = port.take().unwrap();
        assert_eq!(block.state(), Some(STATE));
        let values = vec!["3".into(), format!("{}n", i64::MAX)];
        assert_eq!(read(&block), [(Reply::LastRows as i32, values)]);
    }

    #[test]
    fn an_error_after_a_full_block_has_all_its_values() {
        let port = port();
        let mut replies = Replies::new(&port);
        let mut rows = Rows::new(&mut replies, 0);
        rows.begin(1);
        for _ in 0..ferrolite_sqlite::SLOTS_PER_BLOCK - 3 {
            rows.push_values(std::iter::once(ValueRef::Null));
        }
        rows.end(Reply::Rows);
        replies.error(&Error::Type("No"));
        replies.end_and_send(1);
        let last = sent(&port).pop().unwrap();
        let expected = ["1", "No", "", "0", "null", "-1", "-1"].map(String::from);
        assert_eq!(
            (last.0, last.1.len()),
            (Reply::Error as i32, expected.len())
        );
        assert_eq!(last.1[..2], expected[..2]);
        assert_eq!(last.1[3..], expected[3..]);
    }

    #[test]
    fn many_rows_come_in_parts_of_whole_rows() {
        let port = port();
        let mut replies = Replies::new(&port);
        let mut rows = Rows::new(&mut replies, 0);
        rows.begin(3);
        for number in 0..5000 {
            rows.push_values([number, 7, number].map(ValueRef::Integer).into_iter());
        }
        assert_eq!(rows.count(), 5000);
        rows.end(Reply::LastRows);
        replies.end_and_send(1);
        let parts = sent(&port);
        assert!(parts.len() > 1);
        let (last, others) = parts.split_last().unwrap();
        assert_eq!(last.0, Reply::LastRows as i32);
        assert!(others.iter().all(|(kind, _)| *kind == Reply::Rows as i32));
        assert!(parts.iter().all(|(_, values)| values.len() % 3 == 0));
        let values: Vec<_> = parts.into_iter().flat_map(|(_, values)| values).collect();
        let expected = (0..5000).flat_map(|n| [n.to_string(), "7".into(), n.to_string()]);
        assert!(values.into_iter().eq(expected));
    }

    #[test]
    fn pluck_takes_the_first_column() {
        let port = port();
        let mut replies = Replies::new(&port);
        let mut rows = Rows::new(&mut replies, flag::PLUCK);
        rows.begin(2);
        rows.push_values([1, 2].map(ValueRef::Integer).into_iter());
        rows.end(Reply::LastRows);
        replies.end_and_send(1);
        assert_eq!(sent(&port), [(Reply::LastRows as i32, vec!["1".into()])]);
    }

    #[test]
    fn a_statement_may_have_more_parameters_than_a_block_has_room() {
        let port = port();
        let mut replies = Replies::new(&port);
        replies.description([true, false, true], &vec![None; 10_000]);
        replies.end_and_send(1);
        let parts = sent(&port);
        let count: usize = parts.iter().map(|(_, values)| values.len()).sum();
        assert_eq!((count, parts[0].1[..3].join(" ")), (10_003, "1 0 1".into()));
    }

    #[test]
    fn time_and_changed_rows_come_before_the_end() {
        let port = port();
        let mut replies = Replies::new(&port);
        replies.done();
        let end = replies.put_off_end();
        replies.push_values(Reply::ChangedRow, &[ValueRef::Null; 4]);
        replies.part(end, 0, 0, 0);
        replies.time(Duration::from_micros(5));
        replies.end_and_send(1);
        replies.end_with(&[ValueRef::Integer(1)]);
        let end = replies.put_off_end();
        replies.part(end, 0, 0, 0);
        replies.end_and_send(2);
        let of_first = [Reply::ChangedRow, Reply::Time, Reply::Done];
        let of_second = [Reply::Rows, Reply::LastRows];
        let expected = of_first
            .into_iter()
            .chain(of_second)
            .map(|kind| kind as i32);
        // A TIME has no values: where its rows stand is the time.
        let kinds: Vec<_> = std::iter::from_fn(|| port.take())
            .flat_map(|block| {
                block
                    .parts()
                    .iter()
                    .map(|part| part[part::KIND])
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(kinds.into_iter().eq(expected));
    }

    #[test]
    fn what_could_not_be_opened_ends_every_job_with_the_reason() {
        let port = port();
        let mut message = Vec::new();
        pack(&mut message, [2, Op::Run as u32, 1, 0, 0], &[]);
        pack(&mut message, [job::NONE, Op::Drop as u32, 1, 0, 0], &[]);
        pack(&mut message, [3, 999, 1, 0, 0], &[]);
        port.post(message);
        let mut message = Vec::new();
        pack(&mut message, [4, Op::Close as u32, 0, 0, 0], &[]);
        port.post(message);
        Replies::new(&port).refuse(|replies| replies.error(&Error::Type("No")));
        assert_eq!(kinds(&port), [Reply::Error as i32; 4]);
    }
}
