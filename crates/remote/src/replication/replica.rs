//! A file that the replication log of a primary is written into. Every sync is one transaction of the file: whoever
//! reads it sees the database as it was at one moment on the primary.

use std::time::{Duration, Instant};

use ferrolite_sqlite::{Key, PageWriter};
use hyper::header::HeaderValue;

use super::files::Files;
use super::log::{hello, Hello, LogError};
use super::pull::Pull;
use super::state::{has_bytes, Position, State};
use crate::error::{code, Error, Outcome, Result};
use crate::http::{Client, Config};

pub use super::state::detach;

/// How long to wait before a server is asked again for what it does not have yet.
const RETRY: Duration = Duration::from_millis(100);

/// A server sends at least so many frames at once where it has them (`MAX_FRAMES_PER_BATCH` of `sqld`).
const BATCH: u64 = 1024;

/// How often a session that the server has forgotten is begun anew in one sync.
const SESSIONS: u32 = 4;

/// Where a replica is.
pub struct ReplicaOptions {
    /// The file.
    pub path: String,
    /// It is encrypted with this.
    pub key: Option<Key>,
    /// How long to wait for a lock of the file, in ms.
    pub timeout: u32,
    /// Fetch the whole database before anything is read.
    pub renew: bool,
}

/// What a sync came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// The last frame that the file has; none before the first.
    pub frame: Option<u64>,
    /// How many frames came.
    pub frames: u64,
}

/// A replica, which this process owns.
pub struct Replica {
    client: Client,
    pub(super) pages: PageWriter,
    pub(super) state: State,
    session: Option<HeaderValue>,
    timeout: Duration,
    /// As it was after our last transaction.
    pub(super) version: i64,
    pub(super) renew: bool,
    /// That others have written into it has been reported.
    pub(super) reported: bool,
    pub(super) path: String,
}

impl Replica {
    /// Opens a replica, or creates one that has nothing yet; no server is asked.
    pub fn open(config: &Config, options: &ReplicaOptions) -> Result<Self> {
        let ReplicaOptions { path, renew, .. } = options;
        let client = Client::new(config)?;
        let namespace = config
            .headers
            .iter()
            .find(|(name, _)| name == "x-namespace-bin");
        let namespace = namespace.map_or("", |(_, value)| value.as_str());
        let source = format!("{} {namespace}", config.url);
        let mut state = State::open(path, &source, options.key.is_some(), *renew)?;
        if !has_bytes(path) {
            state.forget()?;
        }
        // Before it is opened: that may empty the WAL.
        let files = Files::of(path);
        let pages = match PageWriter::open(path, options.timeout, options.key.as_ref()) {
            Err(error) if *renew && is_damage(&error) => {
                // It may be the key that is wrong, and not the file.
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::rename(
                        format!("{path}{suffix}"),
                        format!("{path}-damaged{suffix}"),
                    );
                }
                state.forget()?;
                PageWriter::open(path, options.timeout, options.key.as_ref())?
            }
            pages => pages?,
        };
        let mut replica = Self {
            client,
            version: pages.data_version()?,
            pages,
            state,
            session: None,
            timeout: config.request_timeout,
            renew: *renew,
            reported: false,
            path: path.clone(),
        };
        if !renew && replica.frame().is_some() {
            replica.compare(&files)?;
        }
        Ok(replica)
    }

    /// The last frame that the file has.
    pub fn frame(&self) -> Option<u64> {
        self.state.position.frame
    }

    /// As [`frame`](Self::frame), or none as long as the file is to be fetched anew, or not to be trusted.
    pub fn readable(&self) -> Option<u64> {
        self.frame()
            .filter(|_| !self.renew && !self.state.known.is_foreign)
    }

    /// Brings the file up to what the primary has now.
    pub async fn sync(&mut self) -> Result<Synced> {
        self.catch_up(None).await
    }

    /// Brings the file up to what the primary has now, which is frame `written` at least where that is known. Where a
    /// session has begun, it takes one request in most cases.
    pub async fn catch_up(&mut self, written: Option<u64>) -> Result<Synced> {
        let outcome = self.follow(written).await;
        // The log is only read, and the file is as it was.
        outcome.map_err(|error| error.with_outcome(Outcome::NotExecuted))
    }

    async fn follow(&mut self, written: Option<u64>) -> Result<Synced> {
        self.require_own()?;
        let mut anew = self.renew;
        for _ in 0..SESSIONS {
            let goes_on = self.session.is_some() && self.frame().is_some() && !anew;
            let (position, last) = if goes_on {
                (self.state.position, written)
            } else {
                self.greet(anew).await?
            };
            let pulled = self.pull(position, last, !goes_on).await;
            match pulled {
                Ok(synced) if synced.frame.is_none() && self.frame().is_some() => {
                    let text =
                        "The server's database is empty, and the replica is not: the replica was left untouched";
                    return Err(Error::new(code::SYNC_GENERATION, text));
                }
                Ok(synced) => {
                    self.renew = false;
                    return Ok(synced);
                }
                Err(LogError::NoSession) => self.session = None,
                // It was put back to an older state, and written to since.
                Err(LogError::OtherHistory) if !self.state.moved => anew = true,
                Err(LogError::OtherHistory) => return Err(other_database()),
                Err(LogError::Error(error) | LogError::NotReady(error)) => return Err(error),
                Err(LogError::NeedSnapshot) => {
                    return Err(Error::protocol("it has no frames"));
                }
            }
        }
        Err(Error::protocol("it forgets each session that it begins"))
    }

    /// Brings the file up to frame `target` at least, which the primary has, or will have soon.
    pub async fn sync_until(&mut self, target: u64) -> Result<Synced> {
        if self.readable().is_some_and(|frame| frame >= target) {
            return Ok(self.nothing());
        }
        let since = Instant::now();
        loop {
            let synced = self.sync().await?;
            if synced.frame.is_some_and(|frame| frame >= target) {
                return Ok(synced);
            }
            if since.elapsed() >= self.timeout {
                let ms = self.timeout.as_millis();
                let text = format!("The primary has no frame {target} within {ms} ms");
                return Err(Error::new(code::TIMEOUT, text));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Fetches the whole database again; if that fails, the next sync does it.
    pub async fn resync(&mut self) -> Result<Synced> {
        self.renew = true;
        self.sync().await
    }

    /// Gives up what a sync has begun that was not waited for.
    pub fn abandon(&mut self) {
        self.pages.rollback();
        self.session = None;
    }

    fn nothing(&self) -> Synced {
        Synced {
            frame: self.frame(),
            frames: 0,
        }
    }

    /// Begins a session: where to go on from, and the last frame that there is.
    async fn greet(&mut self, anew: bool) -> Result<(Position, Option<u64>)> {
        let known = self.state.position;
        let mut hello = self.begin_session().await?;
        if known.log == Some(hello.log) && known.frame > hello.last {
            // It says so a moment after the frame itself is there.
            tokio::time::sleep(RETRY).await;
            hello = self.begin_session().await?;
        }
        let is_other = known.log.is_some_and(|log| log != hello.log);
        if is_other && self.state.moved && !anew {
            return Err(other_database());
        }
        if anew || is_other || known.log.is_none() || known.frame > hello.last {
            // The checksum of a log begins with 0.
            let position = Position {
                log: Some(hello.log),
                frame: None,
                checksum: Some(0),
            };
            return Ok((position, hello.last));
        }
        Ok((known, hello.last))
    }

    async fn begin_session(&mut self) -> Result<Hello> {
        self.session = None;
        let hello = hello(&self.client).await?;
        self.session = Some(hello.session.clone());
        Ok(hello)
    }

    /// Fetches what comes after `position` to the end of the log, where frame `last` is at least, and commits it.
    /// It is an error if that is not there, unless it is not `certain`: a frame of an older log may be meant.
    async fn pull(
        &mut self,
        position: Position,
        last: Option<u64>,
        certain: bool,
    ) -> std::result::Result<Synced, LogError> {
        self.pages.begin(position.frame.is_none())?;
        let outcome = match self.require_own() {
            // From here on nobody else can.
            Ok(()) => self.pull_and_commit(position, last, certain).await,
            Err(error) => Err(error.into()),
        };
        if !matches!(outcome, Ok(synced) if synced.frames != 0) {
            self.pages.rollback();
        }
        outcome
    }

    async fn pull_and_commit(
        &mut self,
        position: Position,
        last: Option<u64>,
        certain: bool,
    ) -> std::result::Result<Synced, LogError> {
        let session = self.session.clone().ok_or(LogError::NoSession)?;
        let salt = self.state.salt(position.frame.is_none());
        let mut pull = Pull::new(
            &self.client,
            &session,
            &self.pages,
            position,
            salt,
            self.timeout,
        );
        let since = Instant::now();
        // At first it has to be the log that the last frame came from.
        let mut overlap = certain && position.frame.is_some() && position.checksum.is_some();
        loop {
            let next = pull.next();
            let mut is_log = true;
            let outcome = match pull.fetch(overlap).await {
                Err(LogError::NeedSnapshot) if overlap => {
                    overlap = false;
                    continue;
                }
                Err(LogError::NeedSnapshot) => {
                    is_log = false;
                    pull.fetch_snapshot().await
                }
                outcome => outcome,
            };
            match outcome {
                Ok(()) => {}
                Err(LogError::NotReady(_)) if since.elapsed() < self.timeout => {
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            overlap = false;
            let came = pull.next() - next;
            let is_there = last.is_none_or(|last| pull.next() > last);
            if came == 0 && !is_there && certain {
                return Err(Error::protocol("the log ends too early").into());
            }
            let is_end = is_log && came < BATCH && is_there && pull.is_whole;
            if came == 0 || is_end {
                break;
            }
        }
        let Pull {
            position, frames, ..
        } = pull;
        let synced = Synced {
            frame: position.frame,
            frames,
        };
        if frames == 0 {
            return Ok(synced);
        }
        let size = pull.finish()?;
        self.state
            .expect_commit(self.pages.sum_after(size)?, pull.is_anew())?;
        self.pages.commit(size)?;
        self.version = self.pages.data_version()?;
        self.state.advance(position, self.pages.sum(), salt)?;
        self.reported = false;
        Ok(synced)
    }
}

fn other_database() -> Error {
    let text =
        "The server has another database than the replica: resync() starts over with that one";
    Error::new(code::SYNC_GENERATION, text)
}

pub(super) fn is_damage(error: &ferrolite_sqlite::Error) -> bool {
    const CORRUPT: i32 = 11;
    const NOTADB: i32 = 26;
    matches!(error.code() & 0xff, CORRUPT | NOTADB)
}
