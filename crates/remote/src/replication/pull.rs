//! What one sync fetches of the log, page by page into the file's open transaction.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crc::{Crc, CRC_32_ISO_HDLC};
use ferrolite_sqlite::PageWriter;
use hyper::header::HeaderValue;

use super::log::{Frame, Frames, LogError};
use super::state::Position;
use crate::error::{code, Error, Result};
use crate::http::Client;

/// Of a log's number, for the cookie of the schema.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// So many pages have to come within the time limit of a request: a server that goes on for ever is to be noticed,
/// however often it sends something.
const PACE: u64 = 1024;

/// `SQLite` has no more pages.
const MAX_PAGES: u32 = 0xffff_fffe;

/// What a sync has so far.
pub(super) struct Pull<'r> {
    client: &'r Client,
    session: &'r HeaderValue,
    pages: &'r PageWriter,
    pub(super) position: Position,
    salt: u64,
    pub(super) frames: u64,
    /// How many pages the database has after the last whole transaction, and whether frames came after that.
    size: Option<u32>,
    pub(super) is_whole: bool,
    /// Which pages have come, where all have to.
    seen: Option<HashSet<u32>>,
    limit: Duration,
    /// When the last `PACE` pages had come.
    since: Instant,
}

impl<'r> Pull<'r> {
    /// Goes on from `position`, or begins at the first frame.
    pub(super) fn new(
        client: &'r Client,
        session: &'r HeaderValue,
        pages: &'r PageWriter,
        position: Position,
        salt: u64,
        limit: Duration,
    ) -> Self {
        Self {
            limit,
            since: Instant::now(),
            client,
            session,
            pages,
            position,
            salt,
            frames: 0,
            size: None,
            is_whole: true,
            seen: position.frame.is_none().then(HashSet::new),
        }
    }

    /// All pages have to come.
    pub(super) fn is_anew(&self) -> bool {
        self.seen.is_some()
    }

    /// Fetches frames; with `overlap` the one that is there already comes first, and has to be the same.
    pub(super) async fn fetch(&mut self, overlap: bool) -> std::result::Result<(), LogError> {
        let from = self.next() - u64::from(overlap);
        let mut frames = Frames::from(self.client, self.session, from).await?;
        if overlap {
            let Position {
                frame, checksum, ..
            } = self.position;
            match frames.next().await? {
                Some(first) if Some(first.number) != frame => {
                    return Err(Error::protocol("a frame is missing").into());
                }
                Some(first) if Some(first.checksum) == checksum => {}
                _ => return Err(LogError::OtherHistory),
            }
        }
        while let Some(frame) = frames.next().await? {
            if frame.number != self.next() {
                return Err(Error::protocol("a frame is missing").into());
            }
            let before = self.position.checksum;
            if before.is_some_and(|before| frame.expected(before) != frame.checksum) {
                return Err(self.wrong_checksum());
            }
            self.position.frame = Some(frame.number);
            self.position.checksum = Some(frame.checksum);
            self.is_whole = frame.size != 0;
            self.write(&frame)?;
        }
        Ok(())
    }

    /// The pages of a snapshot have their last frame first.
    pub(super) async fn fetch_snapshot(&mut self) -> std::result::Result<(), LogError> {
        let from = self.next();
        let mut frames = Frames::snapshot(self.client, self.session, from).await?;
        let mut above = None;
        while let Some(frame) = frames.next().await? {
            if frame.number < from || above.is_some_and(|above| frame.number >= above) {
                return Err(Error::protocol("a snapshot is in disorder").into());
            }
            if above.is_none() {
                self.position.frame = Some(frame.number);
                self.position.checksum = None;
                self.is_whole = false;
            }
            above = Some(frame.number);
            self.is_whole |= frame.size != 0;
            self.write(&frame)?;
        }
        Ok(())
    }

    fn write(&mut self, frame: &Frame) -> std::result::Result<(), LogError> {
        self.take(frame)?;
        let written = match frame.page {
            1 => self.pages.write(1, &self.first_page(&frame.data)),
            page => self.pages.write(page, &frame.data),
        };
        Ok(written?)
    }

    /// The number of the frame to go on with.
    pub(super) fn next(&self) -> u64 {
        self.position.frame.map_or(0, |frame| frame + 1)
    }

    fn take(&mut self, frame: &Frame) -> Result<()> {
        const HEADER: &[u8] = b"SQLite format 3\0\x10\x00";
        let is_possible = (1..=MAX_PAGES).contains(&frame.page) && frame.size <= MAX_PAGES;
        if !is_possible || (frame.page == 1 && !frame.data.starts_with(HEADER)) {
            return Err(Error::protocol("malformed page"));
        }
        self.frames += 1;
        if self.frames.is_multiple_of(PACE) {
            self.since = Instant::now();
        } else if self.since.elapsed() > self.limit {
            let ms = self.limit.as_millis();
            let text = format!("The server sent less than {PACE} pages within {ms} ms");
            return Err(Error::new(code::TIMEOUT, text));
        }
        if frame.size != 0 {
            self.size = Some(frame.size);
        }
        if let Some(seen) = &mut self.seen {
            seen.insert(frame.page);
        }
        Ok(())
    }

    /// The first page with a schema cookie that no other log has, nor what was there before the replica started over:
    /// connections that know the schema of the database before see that it is another one.
    fn first_page(&self, page: &[u8]) -> Vec<u8> {
        const COOKIE: std::ops::Range<usize> = 40..44;
        let mut page = page.to_vec();
        let mut log = CRC.digest();
        log.update(&self.position.log.unwrap_or_default().to_le_bytes());
        if self.salt != 0 {
            log.update(&self.salt.to_le_bytes());
        }
        let mut cookie = [0; 4];
        cookie.copy_from_slice(&page[COOKIE]);
        let cookie = u32::from_be_bytes(cookie).wrapping_add(log.finalize());
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
    pub(super) fn finish(&self) -> Result<u32> {
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
