//! How deep JSON goes: as paths, and as blobs.

/// As deep as JSON in a text may nest (`JSON_MAX_DEPTH`).
pub(crate) const MAX_DEPTH: usize = 1000;

/// Keys and indexes of a path.
pub(crate) fn steps(path: &[u8]) -> usize {
    starts(path).count()
}

/// The path to each of its steps, the first ones first.
pub(crate) fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = starts(path).skip(1).chain([path.len()]);
    ends.map(|end| &path[..end])
}

/// Where the steps of a path begin.
fn starts(path: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let (mut quoted, mut escaped) = (false, false);
    path.iter().enumerate().filter_map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'.' | b'[' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}

/// Whether a blob is JSON that nests deeper than a text may. Elements that are too short for it are
/// passed over.
pub(crate) fn is_deep(blob: &[u8]) -> bool {
    let mut ends = Vec::new();
    let mut at = 0;
    loop {
        while ends.last() == Some(&at) {
            ends.pop();
        }
        let Some((kind, start, end)) = element(blob, at) else {
            return false;
        };
        if at == 0 && end != blob.len() {
            return false;
        }
        at = end;
        // 11 is an array, 12 an object; a level takes a byte at least.
        if kind >= 11
            && end - start + ends.len() >= MAX_DEPTH
            && ends.last().is_none_or(|last| end <= *last)
        {
            ends.push(end);
            if ends.len() > MAX_DEPTH {
                return true;
            }
            at = start;
        }
        if at >= blob.len() && start >= blob.len() {
            return false;
        }
    }
}

/// Kind of a JSONB element, where its content begins, and where it ends.
pub(crate) fn element(blob: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let first = *blob.get(at)?;
    let (kind, size) = (first & 15, usize::from(first >> 4));
    let digits = match size {
        0..=11 => 0,
        12 => 1,
        13 => 2,
        14 => 4,
        _ => 8,
    };
    let start = at + 1 + digits;
    let size = if digits == 0 {
        size
    } else {
        let bytes = blob.get(at + 1..start)?;
        bytes
            .iter()
            .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
    };
    let end = start.checked_add(size)?;
    (end <= blob.len()).then_some((kind, start, end))
}

#[cfg(test)]
mod tests {
    use super::{is_deep, steps};

    fn nested(depth: usize) -> Vec<u8> {
        let mut blob = vec![0x00];
        for _ in 0..depth {
            let size = u32::try_from(blob.len()).unwrap_or(0).to_be_bytes();
            let mut outer = vec![0xeb];
            outer.extend_from_slice(&size);
            outer.append(&mut blob);
            blob = outer;
        }
        blob
    }

    #[test]
    fn depth_of_jsonb_is_counted() {
        assert!(!is_deep(&nested(1_000)));
        assert!(is_deep(&nested(1_001)));
        assert!(is_deep(&nested(20_000)));
        // [1, [...1_000 levels]] and [[...1_000 levels], 1]
        for (before, after) in [(&[0x13, b'1'][..], &[][..]), (&[], &[0x13, b'1'])] {
            for (depth, expected) in [(999, false), (1_000, true)] {
                let content = [before, &nested(depth), after].concat();
                let mut blob = vec![0xeb];
                blob.extend(u32::try_from(content.len()).unwrap_or(0).to_be_bytes());
                blob.extend(content);
                assert_eq!(is_deep(&blob), expected);
            }
        }
        assert!(!is_deep(&[0xff; 4_000]));
    }

    #[test]
    fn steps_of_a_path_are_counted() {
        assert_eq!(steps(br#"$.a[0]."b.c[\"".d"#), 4);
    }
}
