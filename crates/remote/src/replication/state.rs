//! What is written down of a replica, in a file beside it: which log it follows and how far. Whoever has the file
//! locked owns the replica.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Buf, BufMut};
use crc::{Crc, CRC_64_GO_ISO};

use super::files::Files;
use crate::error::{code, Error, Result};

const MAGIC: &[u8] = b"ferrolite replica 1\n";

/// Each record is written in turn into one of two places, so that the one before it outlives a torn write.
const PLACES: [u64; 2] = [0, 4096];
const LEN: usize = MAGIC.len() + 16 + 5 * 8 + 8;
/// With what is known of the content, which older versions neither read nor write.
const LONG: usize = LEN + 5 * 8 + 8;

const CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_GO_ISO);

/// A number that stands for none.
const NONE: u64 = u64::MAX;

/// The number of no log: whatever the server has, the replica starts over with it.
const UNKNOWN: u128 = u128::MAX;

/// How often it is looked whether the clock of the file system has gone on, and after how long each time.
const TICKS: u32 = 20;
const TICK: Duration = Duration::from_millis(1);

/// What a record says besides.
const HAS_CHECKSUM: u64 = 1;
const IS_ENCRYPTED: u64 = 2;

/// The file was written to by others while it was open.
const IS_FOREIGN: u64 = 1;

struct Record {
    turn: u64,
    source: u64,
    is_encrypted: bool,
    position: Position,
    known: Known,
}

/// How far a replica is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The number of the log; none before the first frame.
    pub(crate) log: Option<u128>,
    /// The last frame that the file has.
    pub(crate) frame: Option<u64>,
    /// Its checksum, where it is known.
    pub(crate) checksum: Option<u64>,
}

/// What is known of the content of the file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    /// Its sum at the position, if that is known, and the one that a commit may have made of it.
    pub(crate) sums: Option<[u64; 2]>,
    /// What the files looked like when it was closed; none from the first commit on.
    pub(crate) stamp: Option<u64>,
    /// Others have written into it.
    pub(crate) is_foreign: bool,
    /// What sets its schema cookies apart from those before it started over.
    pub(crate) salt: u64,
}

/// The file beside the replica.
pub(crate) struct State {
    file: File,
    /// Grows with each record.
    turn: u64,
    /// A hash of where the log comes from.
    source: u64,
    is_encrypted: bool,
    pub(crate) position: Position,
    pub(crate) known: Known,
    /// The record before was of another source.
    pub(crate) moved: bool,
    /// Which one.
    last_source: u64,
}

impl State {
    /// Where the file is.
    pub(crate) fn path(replica: &str) -> PathBuf {
        PathBuf::from(format!("{replica}-replica"))
    }

    /// Opens and locks the file, or creates it. With `renew`, what cannot be read counts as nothing.
    pub(crate) fn open(
        replica: &str,
        source: &str,
        is_encrypted: bool,
        renew: bool,
    ) -> Result<Self> {
        let path = Self::path(replica);
        let is_new = !path.exists();
        let adopted = if is_new && has_bytes(replica) {
            Some(adopt(replica).ok_or_else(|| foreign(replica))?)
        } else {
            None
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options
            .open(&path)
            .map_err(|error| unwritable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(replica)),
            Err(TryLockError::Error(error)) => return Err(unwritable(&path, &error)),
        }
        let source = CRC.checksum(source.as_bytes());
        let mut state = Self {
            file,
            turn: 0,
            source,
            is_encrypted,
            position: adopted.unwrap_or_default(),
            known: Known::default(),
            moved: false,
            last_source: source,
        };
        let latest = PLACES.iter().filter_map(|place| state.read(*place));
        if let Some(record) = latest.max_by_key(|record| record.turn) {
            if record.is_encrypted != is_encrypted && record.position.frame.is_some() {
                return Err(other_key(replica, is_encrypted));
            }
            state.turn = record.turn;
            state.moved = record.source != source;
            state.last_source = record.source;
            state.position = record.position;
            state.known = record.known;
            return Ok(state);
        }
        // One that is empty is no word of a file that is not.
        let is_empty = state.file.metadata().is_ok_and(|file| file.len() == 0);
        if !is_new && !renew && (!is_empty || has_bytes(replica)) {
            return Err(damaged(replica));
        }
        state.save()?;
        Ok(state)
    }

    fn read(&self, place: u64) -> Option<Record> {
        let mut record = [0; LEN];
        read_at(&self.file, &mut record, place).ok()?;
        let (content, check) = record.split_at(LEN - 8);
        let mut rest = content.strip_prefix(MAGIC)?;
        if CRC.checksum(content).to_le_bytes() != *check {
            return None;
        }
        let turn = rest.get_u64_le();
        let source = rest.get_u64_le();
        let log = rest.get_u128_le();
        let frame = Some(rest.get_u64_le()).filter(|frame| *frame != NONE);
        let flags = rest.get_u64_le();
        let checksum = Some(rest.get_u64_le()).filter(|_| flags & HAS_CHECKSUM != 0);
        let position = Position {
            log: Some(log).filter(|log| *log != 0),
            frame,
            checksum,
        };
        Some(Record {
            turn,
            source,
            is_encrypted: flags & IS_ENCRYPTED != 0,
            position,
            known: self.read_known(place).unwrap_or_default(),
        })
    }

    fn read_known(&self, place: u64) -> Option<Known> {
        let mut record = [0; LONG];
        read_at(&self.file, &mut record, place).ok()?;
        let (content, check) = record.split_at(LONG - 8);
        if CRC.checksum(content).to_le_bytes() != *check {
            return None;
        }
        let mut rest = &content[LEN..];
        let flags = rest.get_u64_le();
        let sums = [rest.get_u64_le(), rest.get_u64_le()];
        Some(Known {
            sums: Some(sums),
            stamp: Some(rest.get_u64_le()).filter(|stamp| *stamp != NONE),
            is_foreign: flags & IS_FOREIGN != 0,
            salt: rest.get_u64_le(),
        })
    }

    /// Writes down that there is nothing.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.position = Position::default();
        self.known = Known::default();
        self.save()
    }

    /// Writes down that the file may not be what the log makes of it, from now until the next position.
    pub(crate) fn doubt(&mut self) -> Result<()> {
        let known = self.position;
        if known.frame.is_none() {
            return Ok(());
        }
        self.position = Position {
            log: Some(UNKNOWN),
            checksum: None,
            ..known
        };
        let outcome = self.keep();
        self.position = known;
        outcome
    }

    /// Whether that was written down.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.position.log == Some(UNKNOWN)
    }

    /// The salt of the next commit; another one than before if all is fetched `anew`.
    pub(crate) fn salt(&self, anew: bool) -> u64 {
        match (anew, self.position.frame) {
            (true, Some(_)) => self.turn,
            (true, None) => 0,
            (false, _) => self.known.salt,
        }
    }

    /// Writes down that a commit is about to make `sum` of the content; with `anew` the file may not be what the log
    /// makes of it until the next position.
    pub(crate) fn expect_commit(&mut self, sum: u64, anew: bool) -> Result<()> {
        self.known.stamp = None;
        if let Some([_, next]) = &mut self.known.sums {
            *next = sum;
        }
        match (anew, self.position.frame) {
            (true, _) => self.doubt(),
            (false, Some(_)) => self.keep(),
            (false, None) => Ok(()),
        }
    }

    /// Writes down where the last commit has got to.
    pub(crate) fn advance(&mut self, position: Position, sum: u64, salt: u64) -> Result<()> {
        self.position = position;
        self.known = Known {
            sums: Some([sum; 2]),
            salt,
            ..Known::default()
        };
        self.save()
    }

    /// Writes down what the files of the replica look like, now that they are closed.
    pub(crate) fn close(&mut self, replica: &str) -> Result<()> {
        let files = Files::of(replica);
        if self.known.stamp == files.stamp {
            return Ok(());
        }
        for _ in 0..TICKS {
            self.known.stamp = files.stamp;
            self.keep()?;
            // What is written within the same tick of the file system's clock would look the same.
            let now = self.file.metadata().and_then(|file| file.modified());
            if now.is_ok_and(|now| files.modified.is_some_and(|then| then < now)) {
                return Ok(());
            }
            std::thread::sleep(TICK);
        }
        self.known.stamp = None;
        self.keep()
    }

    /// Writes down the position. It is not made to last: a position that is behind costs frames that are fetched
    /// twice.
    pub(crate) fn save(&mut self) -> Result<()> {
        self.last_source = self.source;
        self.keep()?;
        self.moved = false;
        Ok(())
    }

    /// As [`save`](Self::save), but it stays a replica of the source that it was of.
    pub(crate) fn keep(&mut self) -> Result<()> {
        self.turn += 1;
        let Position {
            log,
            frame,
            checksum,
        } = self.position;
        let mut record = Vec::with_capacity(LONG);
        record.extend_from_slice(MAGIC);
        record.put_u64_le(self.turn);
        record.put_u64_le(self.last_source);
        record.put_u128_le(log.unwrap_or_default());
        record.put_u64_le(frame.unwrap_or(NONE));
        let has_checksum = u64::from(checksum.is_some()) * HAS_CHECKSUM;
        record.put_u64_le(has_checksum | (u64::from(self.is_encrypted) * IS_ENCRYPTED));
        record.put_u64_le(checksum.unwrap_or_default());
        record.put_u64_le(CRC.checksum(&record));
        if let Some([sum, next]) = self.known.sums {
            record.put_u64_le(u64::from(self.known.is_foreign) * IS_FOREIGN);
            record.put_u64_le(sum);
            record.put_u64_le(next);
            record.put_u64_le(self.known.stamp.unwrap_or(NONE));
            record.put_u64_le(self.known.salt);
            record.put_u64_le(CRC.checksum(&record));
        }
        let place = PLACES[usize::from(self.turn % 2 == 1)];
        write_at(&self.file, &record, place).map_err(|error| {
            let text = format!("The position of the replica cannot be written: {error}");
            Error::new(code::SYNC_DAMAGED, text)
        })?;
        Ok(())
    }
}

/// Makes a plain database of a replica that nobody has open: what is written down of it goes.
pub fn detach(replica: &str) -> Result<()> {
    let path = State::path(replica);
    match File::open(&path) {
        Ok(file) => match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(replica)),
            Err(TryLockError::Error(error)) => return Err(unwritable(&path, &error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unwritable(&path, &error)),
    }
    // What libsql has written down of it, too.
    for path in [path, PathBuf::from(format!("{replica}-client_wal_index"))] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unwritable(&path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
        read if read == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_write(file, bytes, at)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

pub(crate) fn has_bytes(path: &str) -> bool {
    Path::new(path).metadata().is_ok_and(|file| file.len() != 0)
}

/// What libsql has written down of a replica of its own: the log's number, and the last frame.
fn adopt(replica: &str) -> Option<Position> {
    let record = std::fs::read(format!("{replica}-client_wal_index")).ok()?;
    let mut rest = record.as_slice();
    if rest.len() < 32 {
        return None;
    }
    let log = rest.get_u128_le();
    let frame = rest.get_u64_le();
    Some(Position {
        log: Some(log),
        frame: Some(frame).filter(|frame| *frame != NONE),
        checksum: None,
    })
}

fn foreign(replica: &str) -> Error {
    let text = format!(
        "\"{replica}\" is not a replica (no \"{replica}-replica\" beside it) and was left untouched: delete it if it \
         was one, and it is fetched again"
    );
    Error::new(code::SYNC_FOREIGN, text)
}

fn other_key(replica: &str, has_key: bool) -> Error {
    let text = if has_key {
        format!("\"{replica}\" is not encrypted: delete it, and it is fetched again, and encrypted")
    } else {
        format!("\"{replica}\" is encrypted: open it with its encryptionKey")
    };
    Error::new("SQLITE_NOTADB", text)
}

fn locked(replica: &str) -> Error {
    let text = format!("\"{replica}\" is already open as a replica, in this process or in another one: close it first");
    Error::new(code::SYNC_LOCKED, text)
}

fn damaged(replica: &str) -> Error {
    let text = format!(
        "What \"{replica}-replica\" says of the replica cannot be read: open it with the option \"resync\" to \
         start over from the primary"
    );
    Error::new(code::SYNC_DAMAGED, text)
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let text = format!("unable to open \"{}\": {error}", path.display());
    Error::new("SQLITE_CANTOPEN", text)
}
