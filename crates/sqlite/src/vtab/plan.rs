//! How a statement would read a table, and what that costs (`xBestIndex`).

use std::ffi::{c_int, c_uchar, CString};
use std::ptr;
use std::slice;

use crate::ffi;
use crate::value::{c_bytes, ValueRef};

/// An operator of a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operator {
    /// `=`, and `IN` where the table takes its values one by one
    Equal,
    /// `>`
    Greater,
    /// `<=`
    LessOrEqual,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `MATCH`
    Match,
    /// `LIKE`
    Like,
    /// `GLOB`
    Glob,
    /// `REGEXP`
    Regexp,
    /// `!=`
    NotEqual,
    /// `IS NOT`
    IsNot,
    /// `IS NOT NULL`
    IsNotNull,
    /// `IS NULL`
    IsNull,
    /// `IS`
    Is,
    /// `LIMIT`, which belongs to no column
    Limit,
    /// `OFFSET`, which belongs to no column
    Offset,
    /// A function of the table's own (150 and above), or an operator that is newer than this.
    Other(u8),
}

impl Operator {
    fn new(code: c_uchar) -> Self {
        match c_int::from(code) {
            ffi::SQLITE_INDEX_CONSTRAINT_EQ => Self::Equal,
            ffi::SQLITE_INDEX_CONSTRAINT_GT => Self::Greater,
            ffi::SQLITE_INDEX_CONSTRAINT_LE => Self::LessOrEqual,
            ffi::SQLITE_INDEX_CONSTRAINT_LT => Self::Less,
            ffi::SQLITE_INDEX_CONSTRAINT_GE => Self::GreaterOrEqual,
            ffi::SQLITE_INDEX_CONSTRAINT_MATCH => Self::Match,
            ffi::SQLITE_INDEX_CONSTRAINT_LIKE => Self::Like,
            ffi::SQLITE_INDEX_CONSTRAINT_GLOB => Self::Glob,
            ffi::SQLITE_INDEX_CONSTRAINT_REGEXP => Self::Regexp,
            ffi::SQLITE_INDEX_CONSTRAINT_NE => Self::NotEqual,
            ffi::SQLITE_INDEX_CONSTRAINT_ISNOT => Self::IsNot,
            ffi::SQLITE_INDEX_CONSTRAINT_ISNOTNULL => Self::IsNotNull,
            ffi::SQLITE_INDEX_CONSTRAINT_ISNULL => Self::IsNull,
            ffi::SQLITE_INDEX_CONSTRAINT_IS => Self::Is,
            ffi::SQLITE_INDEX_CONSTRAINT_LIMIT => Self::Limit,
            ffi::SQLITE_INDEX_CONSTRAINT_OFFSET => Self::Offset,
            _ => Self::Other(code),
        }
    }
}

/// A term of the WHERE clause, or LIMIT, or OFFSET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constraint {
    /// Its number, from 0, by which [`Plan`] asks and answers.
    pub number: usize,
    /// The column, from 0; `None` for the rowid, LIMIT and OFFSET.
    pub column: Option<usize>,
    /// How it compares.
    pub operator: Operator,
    /// False where its value is not known before the table is read: another plan has to be made without it.
    pub usable: bool,
}

/// A term of the ORDER BY clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderBy {
    /// The column, from 0; `None` for the rowid.
    pub column: Option<usize>,
    /// The largest value comes first.
    pub descending: bool,
}

/// What a statement wants to know of a table, and the table's answer.
///
/// `SQLite` asks several times with other usable constraints, and takes the cheapest answer.
pub struct Plan<'a> {
    info: &'a mut ffi::sqlite3_index_info,
    passed: c_int,
}

impl Plan<'_> {
    /// # Safety
    /// `info` is what `SQLite` passes to the `xBestIndex` that runs.
    pub(super) unsafe fn from_raw(info: *mut ffi::sqlite3_index_info) -> Self {
        Self {
            // SAFETY: forwarded from the caller.
            info: unsafe { &mut *info },
            passed: 0,
        }
    }

    /// The constraints, of which more may be usable in another plan.
    pub fn constraints(&self) -> impl Iterator<Item = Constraint> + '_ {
        // SAFETY: an array of that length, which SQLite does not change meanwhile.
        let list = unsafe { array(self.info.aConstraint, self.info.nConstraint) };
        list.iter().enumerate().map(|(number, constraint)| {
            let operator = Operator::new(constraint.op);
            let has_column = !matches!(operator, Operator::Limit | Operator::Offset);
            let column = usize::try_from(constraint.iColumn).ok();
            Constraint {
                number,
                column: column.filter(|_| has_column),
                operator,
                usable: constraint.usable != 0,
            }
        })
    }

    /// The terms of the ORDER BY clause; none where the order is not one of columns.
    pub fn order_by(&self) -> impl Iterator<Item = OrderBy> + '_ {
        // SAFETY: as in `constraints`.
        let list = unsafe { array(self.info.aOrderBy, self.info.nOrderBy) };
        list.iter().map(|term| OrderBy {
            column: usize::try_from(term.iColumn).ok(),
            descending: term.desc != 0,
        })
    }

    /// The columns that the statement reads: bit n is column n, bit 63 all from column 63 on.
    pub fn columns_used(&self) -> u64 {
        self.info.colUsed
    }

    /// Whether rows that are equal in all terms of [`order_by`](Self::order_by) may be given once (2 and 3), and
    /// need only stand together (1 and 2): <https://www.sqlite.org/c3ref/vtab_distinct.html>.
    pub fn distinct(&mut self) -> i32 {
        // SAFETY: the call of xBestIndex runs.
        unsafe { ffi::sqlite3_vtab_distinct(self.info) }
    }

    /// The collation that a constraint compares text by: what is not `BINARY` is not for a table that compares bytes.
    pub fn collation(&mut self, constraint: usize) -> &[u8] {
        let Some(number) = self.number(constraint) else {
            return b"BINARY";
        };
        // SAFETY: the call of xBestIndex runs, and the number is one of a constraint; the name lives as long.
        unsafe { c_bytes(ffi::sqlite3_vtab_collation(self.info, number)) }.unwrap_or(b"BINARY")
    }

    /// Whether a constraint is an `IN` whose values the table could take all at once.
    pub fn is_in(&mut self, constraint: usize) -> bool {
        self.vtab_in(constraint, -1)
    }

    /// Asks for all values of an `IN` at once, for [`Args::list`](crate::Args::list); else the table is read once for
    /// each. False where that is not possible.
    pub fn take_all_in(&mut self, constraint: usize) -> bool {
        self.vtab_in(constraint, 1)
    }

    fn vtab_in(&mut self, constraint: usize, handle: c_int) -> bool {
        let Some(number) = self.number(constraint) else {
            return false;
        };
        // SAFETY: the call of xBestIndex runs, and the number is one of a constraint.
        unsafe { ffi::sqlite3_vtab_in(self.info, number, handle) != 0 }
    }

    /// The value that a constraint compares with, where that is known already. It may be `None` at any time.
    pub fn value(&mut self, constraint: usize) -> Option<ValueRef<'_>> {
        let number = self.number(constraint)?;
        let mut value = ptr::null_mut();
        // SAFETY: as above; the value lives as long as the call of xBestIndex.
        unsafe {
            let rc = ffi::sqlite3_vtab_rhs_value(self.info, number, &raw mut value);
            (rc == ffi::SQLITE_OK && !value.is_null()).then(|| ValueRef::from_raw(value))
        }
    }

    fn number(&self, constraint: usize) -> Option<c_int> {
        let number = c_int::try_from(constraint).ok()?;
        (number < self.info.nConstraint).then_some(number)
    }

    /// Has the value of a constraint passed to [`Cursor::filter`](super::Cursor::filter), and returns the place among
    /// its arguments, from 0. With `omit`, `SQLite` relies on the table and does not check the rows itself.
    pub fn pass(&mut self, constraint: usize, omit: bool) -> usize {
        let place = usize::try_from(self.passed).unwrap_or_default();
        if self.number(constraint).is_none() {
            return place;
        }
        // SAFETY: an array as long as that of the constraints, and the number is in it.
        let usage = unsafe { &mut *self.info.aConstraintUsage.add(constraint) };
        if usage.argvIndex == 0 {
            self.passed += 1;
            usage.argvIndex = self.passed;
        }
        usage.omit = c_uchar::from(omit);
        usize::try_from(usage.argvIndex - 1).unwrap_or_default()
    }

    /// Names the plan, for [`Scan::number`](super::Scan).
    pub fn set_number(&mut self, number: i32) {
        self.info.idxNum = number;
    }

    /// Describes the plan, for [`Scan::text`](super::Scan), up to the first NUL. EXPLAIN QUERY PLAN shows it.
    pub fn set_text(&mut self, text: &str) {
        let text = text.split('\0').next().unwrap_or_default();
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: one `%s` and one string; what was there before is SQLite's to free, or null.
        unsafe {
            if self.info.needToFreeIdxStr != 0 {
                ffi::sqlite3_free(self.info.idxStr.cast());
            }
            self.info.idxStr = ffi::sqlite3_mprintf(c"%s".as_ptr(), text.as_ptr());
        }
        self.info.needToFreeIdxStr = 1;
    }

    /// Says that the rows come in the order of [`order_by`](Self::order_by).
    pub fn set_ordered(&mut self) {
        self.info.orderByConsumed = 1;
    }

    /// Says what reading costs (about the number of pages that are read) and how many rows come.
    pub fn set_cost(&mut self, cost: f64, rows: i64) {
        self.info.estimatedCost = cost;
        self.info.estimatedRows = rows;
    }

    /// Says that there is one row at most. An UPDATE or DELETE of it needs no statement journal then.
    pub fn set_unique(&mut self) {
        self.info.idxFlags |= ffi::SQLITE_INDEX_SCAN_UNIQUE;
    }
}

/// # Safety
/// `at` points to `len` elements that live for `'a`, unless `len` is 0.
unsafe fn array<'a, T>(at: *const T, len: c_int) -> &'a [T] {
    match usize::try_from(len) {
        // SAFETY: forwarded from the caller.
        Ok(len) if len > 0 => unsafe { slice::from_raw_parts(at, len) },
        _ => &[],
    }
}
