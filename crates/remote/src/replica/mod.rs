//! A file that the replication log of a primary is written into. Every sync is one transaction of the file: whoever
//! reads it sees the database as it was at one moment on the primary.

mod state;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crc::{Crc, CRC_32_ISO_HDLC};
use ferrolite_sqlite::{Key, PageWriter};
use hyper::header::HeaderValue;

use crate::client::{no_reply, Client, Config};
use crate::error::{code, Error};
use crate::log::{hello, Frame, Frames, Hello, LogError};
use state::{has_bytes, Position, State};

/// How long to wait before a server is asked again for what it does not have yet.
const RETRY: Duration = Duration::from_millis(100);

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// How often a session that the server has forgotten is begun anew in one sync.
const SESSIONS: u32 = 3;

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
    /// Start over from the primary where the replica is damaged or has another database.
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
    /// The first page, which is written last.
    first: Option<Bytes>,
    /// Which pages have come, where all have to.
    seen: Option<HashSet<u32>>,
}

/// How far to go.
#[derive(Clone, Copy)]
enum Goal {
    /// To this frame, which there is.
    Last(u64),
    /// To the end of the log, or to a frame that is known to be in it.
    Written(Option<u64>),
}

impl Goal {
    fn is_met(self, pull: &Pull) -> bool {
        // Others write on: the frame may be in the log, and a transaction behind it come in pieces.
        let reaches =
            |frame: u64| pull.is_whole && pull.position.frame.is_some_and(|at| at >= frame);
        match self {
            Self::Last(frame) => reaches(frame),
            // What is known may be of another log, so the server is asked in any case.
            Self::Written(frame) => pull.frames != 0 && frame.is_some_and(reaches),
        }
    }
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
        let mut state = State::open(path, &source, *renew)?;
        if !has_bytes(path) {
            state.position = Position::default();
            state.save()?;
        }
        let pages = match PageWriter::open(path, options.timeout, options.key.as_ref()) {
            Err(error) if *renew && is_damage(&error) => {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(PathBuf::from(format!("{path}{suffix}")));
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
        self.require_own()?;
        let (position, last) = self.greet(self.renew).await?;
        match self.pull_to(position, last).await {
            // It was put back to an older state and written to since, or has just begun another log.
            Err(ReplicaError::Remote(error))
                if error.code == code::SYNC_GENERATION && last.is_some() && !self.state.moved =>
            {
                let (position, last) = self.greet(true).await?;
                self.pull_to(position, last).await
            }
            outcome => outcome,
        }
    }

    /// Brings the file up to what this process has written, of which `written` is the last frame where it is known.
    /// That is in the log, so one trip is enough in most cases. The frame alone would not do: another log counts
    /// anew.
    pub async fn catch_up(&mut self, written: Option<u64>) -> Result<Synced> {
        self.require_own()?;
        if self.session.is_some() && self.frame().is_some() && !self.renew {
            let goal = Goal::Written(written);
            match self.pull(self.state.position, goal).await {
                Err(ReplicaError::Remote(error)) if error.code == code::SYNC_GENERATION => {}
                outcome => return outcome,
            }
        }
        self.sync().await
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
                return Err(no_reply(self.timeout).into());
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
            let text = "The server has another database than the replica: resync() starts over with that one";
            return Err(Error::new(code::SYNC_GENERATION, text).into());
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

    /// Fetches what is missing up to frame `last`, if there is one.
    async fn pull_to(&mut self, position: Position, last: Option<u64>) -> Result<Synced> {
        let Some(last) = last else {
            if self.frame().is_none() {
                return Ok(self.nothing());
            }
            let text = "The server's database is empty, and the replica is not: the replica is left as it is";
            return Err(Error::new(code::SYNC_GENERATION, text).into());
        };
        if position.frame.is_some_and(|frame| frame >= last) {
            return Ok(self.nothing());
        }
        self.pull(position, Goal::Last(last)).await
    }

    /// Fetches what is missing, and commits it.
    async fn pull(&mut self, position: Position, goal: Goal) -> Result<Synced> {
        self.pages.begin()?;
        let outcome = match self.require_own() {
            // From here on nobody else can.
            Ok(()) => self.pull_and_commit(position, goal).await,
            Err(error) => Err(error),
        };
        if !matches!(outcome, Ok(synced) if synced.frames != 0) {
            self.pages.rollback();
        }
        outcome
    }

    async fn pull_and_commit(&mut self, position: Position, goal: Goal) -> Result<Synced> {
        let mut pull = Pull {
            position,
            frames: 0,
            size: None,
            is_whole: true,
            first: None,
            seen: position.frame.is_none().then(HashSet::new),
        };
        let mut sessions = 0;
        let since = Instant::now();
        while !goal.is_met(&pull) {
            let next = pull.next();
            let outcome = match self.fetch(&mut pull).await {
                Err(LogError::NeedSnapshot) => self.fetch_snapshot(&mut pull).await,
                outcome => outcome,
            };
            match outcome {
                Ok(()) if pull.next() > next => {}
                Ok(()) if matches!(goal, Goal::Written(_)) => break,
                Ok(()) => return Err(Error::protocol("the log ends too early").into()),
                Err(LogError::NoSession) if sessions < SESSIONS => {
                    sessions += 1;
                    let hello = self.begin_session().await?;
                    if pull.position.log != Some(hello.log) {
                        let text = "The server has begun another log";
                        return Err(Error::new(code::SYNC_GENERATION, text).into());
                    }
                }
                Err(LogError::NotReady(_)) if since.elapsed() < self.timeout => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(LogError::Error(error) | LogError::NotReady(error)) => return Err(error.into()),
                Err(_) => return Err(Error::protocol("it has no frames").into()),
            }
        }
        if pull.frames == 0 {
            return Ok(self.nothing());
        }
        let size = pull.finish()?;
        if pull.seen.is_some() {
            self.state.doubt()?;
        }
        self.pages.commit(size, pull.first_page().as_deref())?;
        self.version = self.pages.data_version()?;
        self.state.position = pull.position;
        self.state.save()?;
        self.renew = false;
        Ok(Synced {
            frame: pull.position.frame,
            frames: pull.frames,
        })
    }

    async fn fetch(&self, pull: &mut Pull) -> std::result::Result<(), LogError> {
        let session = self.session.as_ref().ok_or(LogError::NoSession)?;
        let mut frames = Frames::from(&self.client, session, pull.next()).await?;
        while let Some(frame) = frames.next().await? {
            if frame.number != pull.next() {
                return Err(Error::protocol("a frame is missing").into());
            }
            let before = pull.position.checksum;
            if before.is_some_and(|before| frame.expected(before) != frame.checksum) {
                return Err(pull.wrong_checksum().into());
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
        if frame.page == 1 {
            return Ok(());
        }
        let written = self.pages.write(frame.page, &frame.data);
        written.map_err(|error| {
            let code = ferrolite_sqlite::code_name(error.code());
            LogError::Error(Error::new(&code, error.to_string()))
        })
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
        if frame.page == 1 {
            self.first = Some(frame.data.clone());
        }
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
    fn first_page(&self) -> Option<Vec<u8>> {
        const COOKIE: std::ops::Range<usize> = 40..44;
        let mut page = self.first.as_ref()?.to_vec();
        let log = CRC.checksum(&self.position.log.unwrap_or_default().to_le_bytes());
        let mut cookie = [0; 4];
        cookie.copy_from_slice(&page[COOKIE]);
        let cookie = u32::from_be_bytes(cookie).wrapping_add(log);
        page[COOKIE].copy_from_slice(&cookie.to_be_bytes());
        Some(page)
    }

    fn wrong_checksum(&self) -> Error {
        match self.frames {
            0 if self.seen.is_none() => Error::new(
                code::SYNC_GENERATION,
                "The server's log does not go on from where the replica is: resync() starts over",
            ),
            _ => Error::protocol("the checksum of a frame is wrong"),
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

fn is_damage(error: &ferrolite_sqlite::Error) -> bool {
    const CORRUPT: i32 = 11;
    const NOTADB: i32 = 26;
    matches!(error.code() & 0xff, CORRUPT | NOTADB)
}
