//! Run-time limits of a connection: <https://www.sqlite.org/c3ref/limit.html>.

use crate::connection::Connection;
use crate::error::Result;
use crate::ffi;

/// A limit that can be lowered, or raised up to what the engine was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Limit {
    /// Bytes of a string, blob or row
    Length = ffi::SQLITE_LIMIT_LENGTH,
    /// Bytes of an SQL statement
    SqlLength = ffi::SQLITE_LIMIT_SQL_LENGTH,
    /// Columns of a table, index, view or result
    Column = ffi::SQLITE_LIMIT_COLUMN,
    /// Depth of an expression
    ExprDepth = ffi::SQLITE_LIMIT_EXPR_DEPTH,
    /// Terms of a compound SELECT
    CompoundSelect = ffi::SQLITE_LIMIT_COMPOUND_SELECT,
    /// VM instructions of a statement
    VdbeOp = ffi::SQLITE_LIMIT_VDBE_OP,
    /// Arguments of a function
    FunctionArg = ffi::SQLITE_LIMIT_FUNCTION_ARG,
    /// Attached databases
    Attached = ffi::SQLITE_LIMIT_ATTACHED,
    /// Bytes of a LIKE or GLOB pattern
    LikePatternLength = ffi::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
    /// The largest `?NNN`
    VariableNumber = ffi::SQLITE_LIMIT_VARIABLE_NUMBER,
    /// Depth of trigger recursion
    TriggerDepth = ffi::SQLITE_LIMIT_TRIGGER_DEPTH,
}

/// In the order of `lib/options.js`.
const NUMBERED: [Limit; 11] = [
    Limit::Length,
    Limit::SqlLength,
    Limit::Column,
    Limit::ExprDepth,
    Limit::CompoundSelect,
    Limit::VdbeOp,
    Limit::FunctionArg,
    Limit::Attached,
    Limit::LikePatternLength,
    Limit::VariableNumber,
    Limit::TriggerDepth,
];

impl Limit {
    /// The limit that JavaScript gives a number, from 0; [`Length`](Self::Length) where there is none.
    pub fn from_number(number: usize) -> Self {
        NUMBERED.get(number).copied().unwrap_or(Self::Length)
    }
}

impl Connection {
    /// Sets a limit, unless `value` is negative, and returns what it was before.
    pub fn limit(&self, limit: Limit, value: i32) -> Result<i32> {
        let db = self.shared.open_db()?;
        if value >= 0 {
            self.bump_epoch();
        }
        // SAFETY: open.
        Ok(unsafe { ffi::sqlite3_limit(db, limit as i32, value) })
    }
}
