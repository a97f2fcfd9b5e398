//! The rows of one job, and the description of their columns.

use ferrolite_sqlite::{Row, ValueRef};

use super::Replies;
use crate::protocol::{flag, Reply};

/// Rows of one job, part by part.
pub struct Rows<'r, 'p> {
    /// Where they go
    pub replies: &'r mut Replies<'p>,
    int64: bool,
    pluck: bool,
    start: usize,
    width: usize,
    /// Rows of the part, and of the job.
    in_part: i32,
    count: usize,
}

impl<'r, 'p> Rows<'r, 'p> {
    /// No rows yet; `flags` are those of the job.
    pub fn new(replies: &'r mut Replies<'p>, flags: u32) -> Self {
        Self {
            start: replies.start(),
            replies,
            int64: flags & flag::INT64 != 0,
            pluck: flags & flag::PLUCK != 0,
            width: 0,
            in_part: 0,
            count: 0,
        }
    }

    /// How many there are so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first row comes next, and has so many columns.
    pub fn begin(&mut self, columns: usize) {
        self.start = self.replies.start();
        self.width = if self.pluck { columns.min(1) } else { columns };
    }

    fn next_row(&mut self) {
        if !self.replies.packer.has_space(self.width) {
            self.part(Reply::Rows);
            self.replies.send();
            self.start = self.replies.start();
            self.in_part = 0;
        }
        self.in_part += 1;
        self.count += 1;
    }

    /// A row of the engine.
    pub fn push_row(&mut self, row: Row<'_>) {
        self.next_row();
        self.replies.packer.push_row(row, self.width, self.int64);
    }

    /// A row of values.
    pub fn push_values<'v>(&mut self, values: impl Iterator<Item = ValueRef<'v>>) {
        self.next_row();
        for value in values.take(self.width) {
            self.replies.push(value, self.int64);
        }
    }

    fn part(&mut self, kind: Reply) {
        self.replies
            .part(kind, self.start, self.in_part, self.width);
    }

    /// These are all: the last part is a `kind`.
    pub fn end(mut self, kind: Reply) {
        self.part(kind);
    }
}

/// Appends the fields of a column that `stmt.columns()` returns. All columns are one text: that costs one value,
/// and the front end splits it when it needs them.
pub fn push_column(columns: &mut Vec<u8>, column: [Option<&[u8]>; 5]) {
    // None of them has a NUL; `=` separates an empty one from one that is not there.
    for field in column {
        if let Some(field) = field {
            columns.push(b'=');
            columns.extend_from_slice(field);
        }
        columns.push(0);
    }
}
