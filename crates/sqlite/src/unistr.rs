//! The functions `unistr` and `unistr_quote` of newer versions of `SQLite`.

use std::ffi::c_int;

use crate::boundary::boundary;
use crate::ffi;
use crate::function::{Args, Context, Scalar};
use crate::inner::QUOTE;
use crate::internals::arguments;
use crate::value::ValueRef;

/// `unistr(text)`: the characters that `\XXXX`, `\uXXXX`, `\+XXXXXX` and `\UXXXXXXXX` stand for.
pub(crate) struct Unistr;

impl Scalar for Unistr {
    fn call(&self, args: Args<'_>, context: &mut Context<'_>) {
        let Some(text) = args.text(0) else {
            return context.set(ValueRef::Null);
        };
        // An escape is never shorter than what it stands for.
        let mut out = Vec::new();
        if out.try_reserve_exact(text.len()).is_err() {
            return context.no_memory();
        }
        match unescape(text, &mut out) {
            Some(()) => context.set(ValueRef::Text(&out)),
            None => context.fail_with(b"invalid Unicode escape"),
        }
    }
}

fn unescape(mut text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // SQLite looks for escapes up to the first NUL.
    while let Some(at) = text.iter().position(|byte| matches!(byte, b'\\' | 0)) {
        if text[at] == 0 {
            break;
        }
        out.extend_from_slice(&text[..at]);
        let (skip, len) = match *text.get(at + 1)? {
            b'\\' => {
                out.push(b'\\');
                text = &text[at + 2..];
                continue;
            }
            b'+' => (2, 6),
            b'u' => (2, 4),
            b'U' => (2, 8),
            _ => (1, 4),
        };
        let mut code = 0_u32;
        for digit in text.get(at + skip..at + skip + len)? {
            code = (code << 4) | char::from(*digit).to_digit(16)?;
        }
        push_utf8(out, code);
        text = &text[at + skip + len..];
    }
    out.extend_from_slice(text);
    Some(())
}

/// Half a surrogate pair too, and the lowest bits of what is no character, as `SQLite` does.
fn push_utf8(out: &mut Vec<u8>, code: u32) {
    let part = |shift: u32, mask: u8, mark: u8| mark | ((code >> shift).to_le_bytes()[0] & mask);
    let low = |shift| part(shift, 0x3f, 0x80);
    match code {
        0..=0x7f => out.push(part(0, 0x7f, 0)),
        0x80..=0x7ff => out.extend([part(6, 0x1f, 0xc0), low(0)]),
        0x800..=0xffff => out.extend([part(12, 0x0f, 0xe0), low(6), low(0)]),
        _ => out.extend([part(18, 0x07, 0xf0), low(12), low(6), low(0)]),
    }
}

/// `unistr_quote(value)`: as `quote()`, with control characters as escapes.
pub(crate) unsafe extern "C" fn unistr_quote(
    context: *mut ffi::sqlite3_context,
    argc: c_int,
    argv: *mut *mut ffi::sqlite3_value,
) {
    boundary((), || {
        // SAFETY: SQLite passes a live context and live values.
        unsafe {
            if let ValueRef::Text(text) = Args::from_raw(argc, argv).get(0) {
                // SQLite quotes up to the first NUL.
                let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
                if text.iter().any(|byte| *byte < 0x20) {
                    let mut context = Context::new(context);
                    return match quote(text) {
                        Some(quoted) => context.set(ValueRef::Text(&quoted)),
                        None => context.no_memory(),
                    };
                }
            }
            QUOTE.call(context, arguments(argc, argv));
        }
    });
}

/// `None` without memory.
fn quote(text: &[u8]) -> Option<Vec<u8>> {
    let len = |byte: &u8| match byte {
        0..=0x1f => 6,
        b'\'' | b'\\' => 2,
        _ => 1,
    };
    let mut out = Vec::new();
    out.try_reserve_exact(text.iter().map(len).sum::<usize>() + 10)
        .ok()?;
    out.extend_from_slice(b"unistr('");
    for byte in text {
        match byte {
            b'\'' => out.extend_from_slice(b"''"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(b"')");
    Some(out)
}
