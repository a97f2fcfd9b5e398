//! A file that the replication log of a primary is written into. Every sync is one transaction of the file: whoever
//! reads it sees the database as it was at one moment on the primary.

mod state;

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

use crc::{Crc, CRC_32_ISO_HDLC};
use ferrolite_sqlite::{Key, PageWriter};
use hyper::header::HeaderValue;

use crate::client::{Client, Config};
use crate::error::{code, Error};
use crate::log::{hello, Frame, Frames, Hello, LogError};
use state::{has_bytes, Position, State};

/// How long to wait before a server is asked again for what it does not have yet.
const RETRY: Duration = Duration::from_millis(100);

/// Of a log's number, for the cookie of the schema.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// A server sends at least so many frames at once where it has them (`MAX_FRAMES_PER_BATCH` of `sqld`).
const BATCH: u64 = 1024;

/// How often a session that the server has forgotten is begun anew in one sync.
const SESSIONS: u32 = 4;

/// Why a replica could not be opened or brought up to date.
#[derive(Debug)]
pub enum ReplicaError {
    /// The server, the way to it, or what is written down of the replica.
    Remote(Error),
    /// The file itself.
    Engine(ferrolite_sqlite::Error),
}

impl From<Error> for ReplicaError {
    fn from(error: Error) -> Self {
        Self::Remote(error)
    }
}

impl From<ferrolite_sqlite::Error> for ReplicaError {
    fn from(error: ferrolite_sqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl fmt::Display for ReplicaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReplicaError {}

type Result<T> = std::result::Result<T, ReplicaError>;

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
    pages: PageWriter,
    state: State,
    session: Option<HeaderValue>,
    timeout: Duration,
    /// As it was after our last transaction.
    version: i64,
    renew: bool,
}

/// What a sync has so far.
struct Pull {
    position: Position,
    frames: u64,
    /// How many pages the database has after the last whole transaction, and whether frames came after that.
    size: Option<u32>,
    is_whole: bool,
    /// Which pages have come, where all have to.
    seen: Option<HashSet<u32>>,
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
            state.position = Position::default();
            state.save()?;
        }
        let pages = match PageWriter::open(path, options.timeout, options.key.as_ref()) {
            Err(error) if *renew && is_damage(&error) => {
                // It may be the key that is wrong, and not the file.
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::rename(
                        format!("{path}{suffix}"),
                        format!("{path}-damaged{suffix}"),
                    );
                }
                state.position = Position::default();
                state.save()?;
                PageWriter::open(path, options.timeout, options.key.as_ref())?
            }
            pages => pages?,
        };
        Ok(Self {
            client,
            version: pages.data_version()?,
            pages,
            state,
            session: None,
            timeout: config.request_timeout,
            renew: *renew,
        })
    }

    /// The last frame that the file has.
    pub fn frame(&self) -> Option<u64> {
        self.state.position.frame
    }

    /// As [`frame`](Self::frame), or none as long as the file is to be fetched anew.
    pub fn readable(&self) -> Option<u64> {
        self.frame().filter(|_| !self.renew)
    }

    /// Brings the file up to what the primary has now.
    pub async fn sync(&mut self) -> Result<Synced> {
        self.catch_up(None).await
    }

    /// Brings the file up to what the primary has now, which is frame `written` at least where that is known. Where a
    /// session has begun, it takes one trip in most cases.
    pub async fn catch_up(&mut self, written: Option<u64>) -> Result<Synced> {
        self.require_own()?;
        self.follow(written).await
    }

    /// Brings the file up to frame `target` at least, which the primary has, or will have soon.
    pub async fn sync_until(&mut self, target: u64) -> Result<Synced> {
        if self.frame().is_some_and(|frame| frame >= target) && !self.renew {
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
                return Err(Error::new(code::TIMEOUT, text).into());
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

    /// Nobody else has written into the file.
    fn require_own(&mut self) -> Result<()> {
        if self.renew || self.pages.data_version()? == self.version {
            return Ok(());
        }
        // When it is opened the next time, nothing else will tell.
        self.state.doubt()?;
        let text =
            "Another program has written into the replica: resync() starts over from the primary";
        Err(Error::new(code::SYNC_CONFLICT, text).into())
    }

    async fn follow(&mut self, written: Option<u64>) -> Result<Synced> {
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
                        "The server's database is empty, and the replica is not: it is left as it is";
                    return Err(Error::new(code::SYNC_GENERATION, text).into());
                }
                Ok(synced) => {
                    self.renew = false;
                    return Ok(synced);
                }
                Err(LogError::NoSession) => self.session = None,
                // It was put back to an older state, and written to since.
                Err(LogError::OtherHistory) if !self.state.moved => anew = true,
                Err(LogError::OtherHistory) => return Err(other_database()),
                Err(LogError::Error(error)) => return Err(error),
                Err(LogError::NotReady(error)) => return Err(error.into()),
                Err(LogError::NeedSnapshot) => {
                    return Err(Error::protocol("it has no frames").into());
                }
            }
        }
        Err(Error::protocol("it forgets each session that it begins").into())
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
        self.pages.begin()?;
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
        let mut pull = Pull {
            position,
            frames: 0,
            size: None,
            is_whole: true,
            seen: position.frame.is_none().then(HashSet::new),
        };
        let since = Instant::now();
        // At first it has to be the log that the last frame came from.
        let mut overlap = certain && position.frame.is_some() && position.checksum.is_some();
        loop {
            let next = pull.next();
            let mut is_log = true;
            let outcome = match self.fetch(&mut pull, overlap).await {
                Err(LogError::NeedSnapshot) if overlap => {
                    overlap = false;
                    continue;
                }
                Err(LogError::NeedSnapshot) => {
                    is_log = false;
                    self.fetch_snapshot(&mut pull).await
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
        let Position { frame, .. } = pull.position;
        if pull.frames == 0 {
            return Ok(Synced { frame, frames: 0 });
        }
        let size = pull.finish()?;
        if pull.seen.is_some() {
            self.state.doubt()?;
        }
        self.pages.commit(size)?;
        self.version = self.pages.data_version()?;
        self.state.position = pull.position;
        self.state.save()?;
        Ok(Synced {
            frame,
            frames: pull.frames,
        })
    }

    /// Fetches frames; with `overlap` the one that is there already comes first, and has to be the same.
    async fn fetch(&self, pull: &mut Pull, overlap: bool) -> std::result::Result<(), LogError> {
        let session = self.session.as_ref().ok_or(LogError::NoSession)?;
        let from = pull.next() - u64::from(overlap);
        let mut frames = Frames::from(&self.client, session, from).await?;
        if overlap {
            let Position {
                frame, checksum, ..
            } = pull.position;
            match frames.next().await? {
                Some(first) if Some(first.number) != frame => {
                    return Err(Error::protocol("a frame is missing").into());
                }
                Some(first) if Some(first.checksum) == checksum => {}
                _ => return Err(LogError::OtherHistory),
            }
        }
        while let Some(frame) = frames.next().await? {
            if frame.number != pull.next() {
                return Err(Error::protocol("a frame is missing").into());
            }
            let before = pull.position.checksum;
            if before.is_some_and(|before| frame.expected(before) != frame.checksum) {
                return Err(pull.wrong_checksum());
            }
            pull.position.frame = Some(frame.number);
            pull.position.checksum = Some(frame.checksum);
            pull.is_whole = frame.size != 0;
            self.write(&frame, pull)?;
        }
        Ok(())
    }

    /// The pages of a snapshot have their last frame first.
    async fn fetch_snapshot(&self, pull: &mut Pull) -> std::result::Result<(), LogError> {
        let session = self.session.as_ref().ok_or(LogError::NoSession)?;
        let from = pull.next();
        let mut frames = Frames::snapshot(&self.client, session, from).await?;
        let mut above = None;
        while let Some(frame) = frames.next().await? {
            if frame.number < from || above.is_some_and(|above| frame.number >= above) {
                return Err(Error::protocol("a snapshot is in disorder").into());
            }
            if above.is_none() {
                pull.position.frame = Some(frame.number);
                pull.position.checksum = None;
                pull.is_whole = false;
            }
            above = Some(frame.number);
            pull.is_whole |= frame.size != 0;
            self.write(&frame, pull)?;
        }
        Ok(())
    }

    fn write(&self, frame: &Frame, pull: &mut Pull) -> std::result::Result<(), LogError> {
        pull.take(frame)?;
        let written = match frame.page {
            1 => self.pages.write(1, &pull.first_page(&frame.data)),
            page => self.pages.write(page, &frame.data),
        };
        Ok(written?)
    }
}

impl Pull {
    fn next(&self) -> u64 {
        self.position.frame.map_or(0, |frame| frame + 1)
    }

    fn take(&mut self, frame: &Frame) -> std::result::Result<(), Error> {
        const HEADER: &[u8] = b"SQLite format 3\0\x10\x00";
        if frame.page == 0 || (frame.page == 1 && !frame.data.starts_with(HEADER)) {
            return Err(Error::protocol("a page is no page"));
        }
        self.frames += 1;
        if frame.size != 0 {
            self.size = Some(frame.size);
        }
        if let Some(seen) = &mut self.seen {
            seen.insert(frame.page);
        }
        Ok(())
    }

    /// The first page with a schema cookie that no other log has: connections that know the schema of the database
    /// that was there before see that it is another one.
    fn first_page(&self, page: &[u8]) -> Vec<u8> {
        const COOKIE: std::ops::Range<usize> = 40..44;
        let mut page = page.to_vec();
        let log = CRC.checksum(&self.position.log.unwrap_or_default().to_le_bytes());
        let mut cookie = [0; 4];
        cookie.copy_from_slice(&page[COOKIE]);
        let cookie = u32::from_be_bytes(cookie).wrapping_add(log);
        page[COOKIE].copy_from_slice(&cookie.to_be_bytes());
        page
    }

    fn wrong_checksum(&self) -> LogError {
        match self.frames {
            0 if self.seen.is_none() => LogError::OtherHistory,
            _ => Error::protocol("the checksum of a frame is wrong").into(),
        }
    }

    /// How many pages there are now, once it is known that none is missing.
    fn finish(&self) -> std::result::Result<u32, Error> {
        let size = self.size.filter(|_| self.is_whole);
        let size = size.ok_or_else(|| Error::protocol("its last transaction is not whole"))?;
        let has =
            |seen: &HashSet<u32>, page: u32| PageWriter::is_lock_page(page) || seen.contains(&page);
        match &self.seen {
            Some(seen) if !(1..=size).all(|page| has(seen, page)) => {
                Err(Error::protocol("a page is missing"))
            }
            _ => Ok(size),
        }
    }
}

fn other_database() -> ReplicaError {
    let text =
        "The server has another database than the replica: resync() starts over with that one";
    Error::new(code::SYNC_GENERATION, text).into()
}

fn is_damage(error: &ferrolite_sqlite::Error) -> bool {
    const CORRUPT: i32 = 11;
    const NOTADB: i32 = 26;
    matches!(error.code() & 0xff, CORRUPT | NOTADB)
}
