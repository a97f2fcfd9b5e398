//! Run SQL that is used once: scripts, and pragmas of our own.

use std::ffi::CStr;

use crate::connection::{check_nul, Connection};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::running::Step;
use crate::sql::{is_plain, skipped};
use crate::statement::Statement;
use crate::value::ValueRef;

impl Connection {
    /// Runs every statement of a script, which ends in NUL, and drops its rows. `log` sees each statement
    /// before it runs. Returns how many there were.
    pub fn exec(&self, sql: &[u8], log: &mut dyn FnMut(&Statement) -> Result<()>) -> Result<u32> {
        check_nul(sql)?;
        let mut rest = sql;
        let mut count = 0;
        loop {
            rest = &rest[skipped(rest)..];
            let place = |error: Error| error.in_script(count, sql.len() - rest.len());
            let (statement, tail) = Statement::compile(&self.shared, rest).map_err(place)?;
            let Some(statement) = statement else {
                return Ok(count);
            };
            log(&statement)?;
            let (changed_rows, changes) = (self.changed_row_count(), self.total_changes());
            let result = statement.run_to_end();
            if result.is_err() || !is_plain(rest) {
                self.bump_epoch();
            }
            // `OR FAIL` keeps, and counts, what was changed before the error; all else undoes it.
            if result.is_err() && self.total_changes() == changes {
                self.forget_changed_rows(changed_rows);
            }
            result.map_err(place)?;
            count += 1;
            rest = &rest[tail..];
        }
    }

    /// The first value that a pragma gives, as text.
    pub(crate) fn pragma(&self, sql: &CStr) -> Result<Vec<u8>> {
        let mut running = self.prepare(sql.to_bytes())?.start(Params::default())?;
        let value = match running.step()? {
            Step::Row => match running.row().get(0) {
                ValueRef::Text(text) => text.to_vec(),
                _ => Vec::new(),
            },
            Step::Done => Vec::new(),
        };
        running.finish().1?;
        Ok(value)
    }
}
