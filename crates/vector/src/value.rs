//! Values of columns, compared as `SQLite` compares them: <https://www.sqlite.org/datatype3.html>.

use std::cmp::Ordering;

use ferrolite_sqlite::ValueRef;

use crate::options::Type;

/// A value of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(text) => Self::Text(text.to_vec()),
            ValueRef::Blob(blob) => Self::Blob(blob.to_vec()),
        }
    }
}

impl Value {
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Compares exactly: not every integer is a double.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // guarded; equal ones are compared again
pub(crate) fn compare_numbers(integer: i64, real: f64) -> Ordering {
    if real.is_nan() {
        return Ordering::Greater; // it is NULL, which is the least
    }
    if real < -TWO_TO_63 {
        return Ordering::Greater;
    }
    if real >= TWO_TO_63 {
        return Ordering::Less;
    }
    integer
        .cmp(&(real as i64))
        .then_with(|| 0.0_f64.total_cmp(&(real.fract() + 0.0)))
}

/// The order of two values: NULL, numbers, text, BLOBs.
pub(crate) fn order(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    fn class(value: ValueRef<'_>) -> u8 {
        match value {
            ValueRef::Null => 0,
            ValueRef::Integer(_) | ValueRef::Real(_) => 1,
            ValueRef::Text(_) => 2,
            ValueRef::Blob(_) => 3,
        }
    }
    match (a, b) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        (ValueRef::Real(a), ValueRef::Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (ValueRef::Integer(a), ValueRef::Real(b)) => compare_numbers(a, b),
        (ValueRef::Real(a), ValueRef::Integer(b)) => compare_numbers(b, a).reverse(),
        (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => a.cmp(b),
        (a, b) => class(a).cmp(&class(b)),
    }
}

/// Text as a database of UTF-16 compares it: byte by byte.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wide {
    bytes: Vec<u8>,
    is_big_endian: bool,
}

impl Wide {
    pub(crate) fn new(text: &[u8], is_big_endian: bool) -> Self {
        let bytes = units(text, is_big_endian).flatten().collect();
        Self {
            bytes,
            is_big_endian,
        }
    }

    /// How other text compares with this one.
    pub(crate) fn compare(&self, other: &[u8]) -> Ordering {
        let other = units(other, self.is_big_endian).flatten();
        other.cmp(self.bytes.iter().copied())
    }
}

fn units(text: &[u8], is_big_endian: bool) -> impl Iterator<Item = [u8; 2]> {
    let units: Vec<u16> = String::from_utf8_lossy(text).encode_utf16().collect();
    let bytes = if is_big_endian {
        u16::to_be_bytes
    } else {
        u16::to_le_bytes
    };
    units.into_iter().map(bytes)
}

/// The affinity of a column, for values that are compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Numeric,
    Text,
    Blob,
}

impl From<Type> for Affinity {
    fn from(column_type: Type) -> Self {
        match column_type {
            Type::Integer | Type::Real => Self::Numeric,
            Type::Text => Self::Text,
            Type::Blob => Self::Blob,
        }
    }
}

/// Whether text is a number as numeric affinity takes it: `[space]* [+-]? digits . digits [eE][+-]?digits [space]*`.
pub(crate) fn is_numeric(text: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let start = text.iter().take_while(|byte| is_space(byte)).count();
    let text = &text[start..];
    let end = text.len() - text.iter().rev().take_while(|byte| is_space(byte)).count();
    let text = &text[..end];
    let sign = usize::from(matches!(text, [b'+' | b'-', ..]));
    let text = &text[sign..];
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(text);
    let mut rest = &text[whole..];
    let mut count = whole;
    if let [b'.', fraction @ ..] = rest {
        let places = digits(fraction);
        count += places;
        rest = &fraction[places..];
    }
    if count == 0 {
        return false;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let sign = usize::from(matches!(exponent, [b'+' | b'-', ..]));
        let exponent = &exponent[sign..];
        let places = digits(exponent);
        return places > 0 && places == exponent.len();
    }
    rest.is_empty()
}

/// A value as numeric affinity makes it.
pub(crate) fn to_number(value: ValueRef<'_>) -> Value {
    let ValueRef::Text(text) = value else {
        return value.into();
    };
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|_| is_numeric(text))
        .map(|text| text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']));
    let integer = digits.and_then(|digits| digits.parse().ok());
    let real = || digits.and_then(|digits| digits.parse().ok());
    integer
        .map(Value::Integer)
        .or_else(|| real().map(Value::Real))
        .unwrap_or_else(|| value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_exactly() {
        let big = 9_007_199_254_740_993_i64;
        assert_eq!(
            compare_numbers(big, 9_007_199_254_740_992.0),
            Ordering::Greater
        );
        assert_eq!(compare_numbers(i64::MAX, TWO_TO_63), Ordering::Less);
        assert_eq!(compare_numbers(i64::MIN, -TWO_TO_63), Ordering::Equal);
        assert_eq!(compare_numbers(-1, -1.5), Ordering::Greater);
        assert_eq!(compare_numbers(-2, -1.5), Ordering::Less);
        assert_eq!(compare_numbers(1, 1.5), Ordering::Less);
        assert_eq!(compare_numbers(2, 1.5), Ordering::Greater);
        assert_eq!(compare_numbers(0, -0.0), Ordering::Equal);
        assert_eq!(compare_numbers(5, f64::INFINITY), Ordering::Less);
        assert_eq!(compare_numbers(5, f64::NEG_INFINITY), Ordering::Greater);
    }

    #[test]
    fn text_that_is_a_number() {
        for text in ["1", " -1.5 ", "+.5", "5.", "1e5", "1E-5\n", "00"] {
            assert!(is_numeric(text.as_bytes()), "{text}");
        }
        for text in [
            "", " ", ".", "-", "e5", "1e", "1e+", "0x10", "1a", "1 2", "inf", "nan", "1_0",
        ] {
            assert!(!is_numeric(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn text_as_a_number() {
        for (text, expected) in [
            (" 1 ", Value::Integer(1)),
            ("+5", Value::Integer(5)),
            ("1e1", Value::Real(10.0)),
            (".5", Value::Real(0.5)),
            ("5.", Value::Real(5.0)),
            ("9223372036854775808", Value::Real(TWO_TO_63)),
            ("1a", Value::Text(b"1a".to_vec())),
        ] {
            assert_eq!(to_number(ValueRef::Text(text.as_bytes())), expected);
        }
        assert_eq!(to_number(ValueRef::Null), Value::Null);
    }
}
