//! Jobs that are about the connection and not about a statement.

use ferrolite_sqlite::{Authorize, Error, Key, Limit, Param, Params, Step, ValueRef};

use super::callback::{self, ApplyCallbacks};
use super::table;
use super::work;
use super::{Outcome, Owner};
use crate::job::Job;
use crate::protocol::{Op, BACKUP_FROM};

const NO_SESSION: Error = Error::Type("The session is not open");

impl Owner<'_> {
    #[allow(clippy::too_many_lines)] // a table
    pub(super) fn serve_connection(&mut self, job: &Job) -> Outcome {
        match job.op {
            Op::Close => {
                self.close();
                // The thread ends with what has come until now.
                self.port.close();
            }
            Op::Function => {
                let name = text_of(&job.params);
                let count = integer_at(&job.params, 1);
                callback::register(&self.conn, &self.callbacks, job, &name, count)?;
            }
            Op::Changes => {
                let (changes, rowid) = self.conn.last_changes();
                self.replies.changes(changes, rowid, job.flags);
                return Ok(());
            }
            Op::Store => return self.serve_store(job),
            Op::Stats => {
                let values = self.conn.stats()?.map(ValueRef::Integer);
                self.replies.end_with(&values);
                return Ok(());
            }
            Op::Table => {
                let name = text_of(&job.params);
                table::register(
                    &self.conn,
                    &self.callbacks,
                    job.target,
                    &name,
                    job.extra != 0,
                )?;
            }
            Op::Watch => self.conn.watch_changed_rows(job.extra != 0)?,
            Op::WatchWork => self
                .conn
                .on_work((job.extra != 0).then(|| work::reporter(self.port)))?,
            Op::Session => {
                let database = text_of(&job.params);
                let table = text_at(&job.params, 1);
                let session = self.conn.create_session(&database, table.as_deref())?;
                self.sessions.insert(job.target, session);
            }
            Op::Changeset => {
                let session = self.sessions.get(&job.target);
                let bytes = session.ok_or(NO_SESSION)?.changeset(job.extra != 0)?;
                self.replies.end_with(&[ValueRef::Blob(&bytes)]);
                return Ok(());
            }
            Op::SessionClose => {
                if let Some(session) = self.sessions.remove(&job.target) {
                    session.close();
                }
            }
            Op::Apply => {
                let number = |at| integer_at(&job.params, at).cast_unsigned();
                let mut callbacks = ApplyCallbacks::new(&self.callbacks, number(1), number(2));
                let applied = self
                    .conn
                    .apply_changeset(&job.params.bytes, &mut callbacks)?;
                let value = ValueRef::Integer(applied.into());
                self.replies.end_with(&[value]);
                return Ok(());
            }
            Op::Authorizer => {
                let rules = self.port.take_authorizer();
                let rules = rules.map(|rules| Box::new(rules) as Box<dyn Authorize>);
                self.conn.set_authorizer(rules)?;
            }
            Op::Limit => {
                let limit = Limit::from_number(job.target as usize);
                let before = self.conn.limit(limit, job.extra)?;
                let value = ValueRef::Integer(before.into());
                self.replies.end_with(&[value]);
                return Ok(());
            }
            Op::Backup => {
                let attached = text_of(&job.params);
                let file = text_at(&job.params, 1).unwrap_or_default();
                let backup = match job.extra {
                    BACKUP_FROM => self.conn.backup_from(&file)?,
                    uri => self.conn.backup(&attached, &file, uri != 0)?,
                };
                let timeout = self.conn.busy_timeout();
                let values = [
                    ValueRef::Integer(timeout.into()),
                    ValueRef::Text(backup.source_file.as_bytes()),
                    ValueRef::Text(backup.target_file.as_bytes()),
                ];
                self.replies.end_with(&values);
                self.backups.insert(job.target, backup);
                return Ok(());
            }
            Op::BackupStep => return self.step_backup(job),
            Op::BackupClose => {
                if let Some(backup) = self.backups.remove(&job.target) {
                    backup.close();
                }
            }
            Op::Rekey => {
                let bytes = match job.params.values.first() {
                    Some(Param::Blob(start, len)) => job.params.bytes.get(*start..start + len),
                    _ => None,
                };
                self.conn.rekey(bytes.map(|key| Key::new(key.to_vec())))?;
            }
            Op::Serialize => {
                let name = text_of(&job.params);
                let bytes = self.conn.serialize(&name)?;
                let value = ValueRef::Blob(bytes.as_bytes());
                self.replies.end_with(&[value]);
                return Ok(());
            }
            Op::UnsafeMode => self.conn.set_defensive(job.extra == 0)?,
            Op::LoadExtension => {
                let path = text_of(&job.params);
                let entry = text_at(&job.params, 1);
                self.conn.load_extension(&path, entry.as_deref())?;
            }
            // Jobs of statements, and those without a reply: the owner has seen to them.
            _ => return Ok(()),
        }
        self.replies.done();
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.iterations.clear();
        self.backups.clear();
        self.sessions.clear();
        self.statements.clear();
        self.conn.close();
    }

    fn step_backup(&mut self, job: &Job) -> Outcome {
        let Some(backup) = self.backups.get(&job.target) else {
            return Err(Error::closed());
        };
        let progress = backup.step(job.extra)?;
        let values = [progress.total, progress.remaining, progress.done.into()];
        let values = values.map(|n| ValueRef::Integer(n.into()));
        self.replies.end_with(&values);
        Ok(())
    }

    /// True if other connections to the file read the same as this one: it is in WAL mode and not locked for
    /// good, and nothing is attached or temporary.
    pub(super) fn is_shareable(&self) -> bool {
        const SQL: &[u8] = b"SELECT journal_mode = 'wal'
            AND (SELECT locking_mode FROM pragma_locking_mode WHERE schema = 'main') = 'normal'
            AND NOT EXISTS (SELECT * FROM pragma_database_list WHERE seq > 1)
            FROM pragma_journal_mode";
        const HAS_TEMP: &[u8] = b"SELECT EXISTS (SELECT * FROM pragma_database_list WHERE seq = 1)";
        // It is there once anything has looked for it.
        const IS_USED: &[u8] = b"SELECT EXISTS (SELECT * FROM sqlite_temp_schema)";
        let ask = |sql| {
            let mut running = self.conn.prepare(sql)?.start(Params::default())?;
            let answer =
                running.step()? == Step::Row && running.row().get(0) == ValueRef::Integer(1);
            Ok::<_, Error>(answer)
        };
        let find = || Ok::<_, Error>(ask(SQL)? && !(ask(HAS_TEMP)? && ask(IS_USED)?));
        // An authorizer may deny it.
        find().unwrap_or(false)
    }
}

fn integer_at(params: &Params, at: usize) -> i32 {
    match params.values.get(at) {
        #[allow(clippy::cast_possible_truncation)] // `as` saturates
        Some(Param::Real(value)) => *value as i32,
        _ => 0,
    }
}

fn text_of(params: &Params) -> String {
    text_at(params, 0).unwrap_or_default()
}

fn text_at(params: &Params, at: usize) -> Option<String> {
    match params.values.get(at) {
        Some(Param::Text(start, len)) => {
            let text = params.bytes.get(*start..start + len)?;
            Some(String::from_utf8_lossy(text).into_owned())
        }
        _ => None,
    }
}
