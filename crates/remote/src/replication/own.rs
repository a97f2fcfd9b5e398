//! Whether the content of the file is still what the last sync made of it.

use super::files::Files;
use super::replica::{is_damage, Replica};
use crate::error::{code, Error, Result};

impl Replica {
    /// Finds out whether the content is still what the last sync made of it.
    pub(super) fn compare(&mut self, files: &Files) -> Result<()> {
        let Self { pages, state, .. } = self;
        let known = state.known;
        if let (Some([sum, _]), Some(stamp), false) = (known.sums, known.stamp, known.is_foreign) {
            if files.stamp == Some(stamp) {
                pages.trust(sum);
                return Ok(());
            }
        }
        // None if it cannot even be read.
        let sum = match pages.read_sum() {
            Err(error) if !is_damage(&error) => return Err(error.into()),
            sum => sum.ok().filter(|_| !known.is_foreign),
        };
        // After a loss of power, what is written down may be older than what is in the WAL.
        let may_be_ahead = known.stamp.is_none() && files.has_wal && !state.is_in_doubt();
        let is_right = |sum: &u64| may_be_ahead || known.sums.is_none_or(|sums| sums.contains(sum));
        if let Some(sum) = sum.filter(is_right) {
            pages.trust(sum);
            state.known.sums = Some([sum; 2]);
            state.known.stamp = None;
        } else if state.is_in_doubt() {
            // It was reported before, or the next sync fetches all of it anyway.
            self.renew = true;
        } else {
            state.known.is_foreign = true;
        }
        Ok(())
    }

    /// Closes the file, and writes down what it looks like.
    pub fn close(self) {
        let Self {
            pages,
            mut state,
            version,
            path,
            ..
        } = self;
        let is_known = state.position.frame.is_some() && state.known.sums.is_some();
        if !is_known || state.known.is_foreign || self.renew || self.reported {
            return;
        }
        pages.rollback();
        let is_own = pages.data_version().is_ok_and(|now| now == version);
        drop(pages);
        // What is not written down costs the next opening a look at the whole content.
        if is_own {
            let _ = state.close(&path);
        } else {
            state.known.is_foreign = true;
            let _ = state.keep();
        }
    }

    /// Nobody else has written into the file.
    pub(super) fn require_own(&mut self) -> Result<()> {
        if self.renew {
            return Ok(());
        }
        if self.state.known.is_foreign {
            let text = "The file of the replica was changed while it was not open as one: resync() or the option \
                        \"resync\" starts over from the primary";
            return Err(Error::new(code::SYNC_CONFLICT, text));
        }
        if self.pages.data_version()? == self.version {
            return Ok(());
        }
        // When it is opened the next time, nothing else will report it.
        self.state.doubt()?;
        self.reported = true;
        let text =
            "Another program has written into the replica: resync() starts over from the primary";
        Err(Error::new(code::SYNC_CONFLICT, text))
    }
}
