//! The first page, as `SQLite` writes it.

fn number(first: &[u8], at: usize) -> Option<u32> {
    let bytes = <[u8; 4]>::try_from(first.get(at..at + 4)?).ok()?;
    Some(u32::from_be_bytes(bytes))
}

const COUNTER: usize = 24;
const PAGES: usize = 28;
const SCHEMA: usize = 40;
const VALID_FOR: usize = 92;

/// The pages that it names. As `SQLite` does, believe it only if it is of the last change.
pub(crate) fn header_size(first: &[u8]) -> Option<u32> {
    let is_valid = number(first, COUNTER) == number(first, VALID_FOR);
    number(first, PAGES).filter(|pages| is_valid && *pages > 0)
}

/// Makes an old first page one that follows the newest: whoever has read a schema must see that it is another one, even
/// if both were the fifth.
pub(crate) fn follow(image: &mut [u8], newest: &[u8]) {
    let next = |at: usize| number(newest, at).map(|number| number.wrapping_add(1).to_be_bytes());
    let (Some(counter), Some(schema)) = (next(COUNTER), next(SCHEMA)) else {
        return;
    };
    // An older SQLite left it as it was: then the size in the header counts for nothing.
    let is_valid = number(image, COUNTER) == number(image, VALID_FOR);
    let mut set = |at: usize, bytes: [u8; 4]| {
        if let Some(field) = image.get_mut(at..at + 4) {
            field.copy_from_slice(&bytes);
        }
    };
    set(COUNTER, counter);
    set(SCHEMA, schema);
    if is_valid {
        set(VALID_FOR, counter);
    }
}
