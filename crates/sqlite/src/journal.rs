//! What a rollback journal begins with: <https://www.sqlite.org/fileformat.html#the_rollback_journal>.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
const MAX_PAGE_SIZE: u32 = 65536;

/// What a journal would restore first.
#[derive(Debug, PartialEq, Eq)]
pub enum FirstPage {
    /// There is no journal to roll back, or one that only truncates the file.
    None,
    /// The first page of the file, as it was on disk; a rekey saves that one first.
    Image(Vec<u8>),
    /// Another page.
    Other,
}

pub fn first_page(journal: &Path) -> FirstPage {
    read_first_page(journal).unwrap_or(FirstPage::None)
}

fn read_first_page(journal: &Path) -> std::io::Result<FirstPage> {
    let mut file = File::open(journal)?;
    let mut header = [0; 28];
    file.read_exact(&mut header)?;
    let field = |at: usize| {
        let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        u32::from_be_bytes(bytes)
    };
    let (sector, page) = (field(20), field(24));
    if header[..8] != MAGIC || page == 0 || page > MAX_PAGE_SIZE {
        return Ok(FirstPage::None);
    }
    file.seek(SeekFrom::Start(sector.into()))?;
    let mut number = [0; 4];
    file.read_exact(&mut number)?;
    let mut image = vec![0; page as usize];
    file.read_exact(&mut image)?;
    Ok(if u32::from_be_bytes(number) == 1 {
        FirstPage::Image(image)
    } else {
        FirstPage::Other
    })
}

/// A file of one encrypted page that is removed when it is dropped.
pub struct Copy {
    pub path: PathBuf,
}

impl Copy {
    pub fn of(page: &[u8]) -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrolite-{}-{number}.page", process());
        let path = temporary_folder().join(name);
        // What a process of the same number left behind.
        let _ = std::fs::remove_file(&path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        let copy = Self { path };
        file.write_all(page)?;
        Ok(copy)
    }
}

/// The number of this process; WASM has none.
fn process() -> u32 {
    if cfg!(target_family = "wasm") {
        return 0;
    }
    std::process::id()
}

fn temporary_folder() -> PathBuf {
    // Asking for it is not possible in WASM.
    if cfg!(target_family = "wasm") {
        return PathBuf::from("/tmp");
    }
    std::env::temp_dir()
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
