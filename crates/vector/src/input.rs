//! Vectors as SQL gives them: JSON text, or a BLOB of their bytes.

use ferrolite_sqlite::{ModuleError, ValueRef};

use crate::distance::Metric;
use crate::element::Element;
use crate::f16;

/// What a vector has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) element: Element,
    pub(crate) dimension: usize,
    pub(crate) metric: Metric,
}

fn wrong(message: impl Into<String>) -> ModuleError {
    ModuleError::Message(message.into())
}

impl Shape {
    /// The bytes of a vector, checked: its length, that its numbers are finite, and that it has a direction where the
    /// metric asks for one.
    pub(crate) fn read(&self, value: ValueRef<'_>) -> Result<Vec<u8>, ModuleError> {
        let bytes = match value {
            ValueRef::Blob(blob) => self.blob_bytes(blob)?,
            ValueRef::Text(text) => self.json_bytes(text)?,
            ValueRef::Null => return Err(wrong("a vector cannot be NULL")),
            ValueRef::Integer(_) | ValueRef::Real(_) => {
                return Err(wrong("a vector is JSON text or a BLOB, not a number"))
            }
        };
        if self.metric == Metric::Cosine && self.is_zero(&bytes) {
            return Err(wrong(
                "a vector of zeros has no direction: metric=cosine needs one",
            ));
        }
        Ok(bytes)
    }

    fn blob_bytes(&self, blob: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let expected = self.element.bytes(self.dimension);
        match self.element {
            Element::F32 | Element::F16 if blob.len() == expected => {
                if !is_finite(self.element, blob) {
                    return Err(not_finite());
                }
                Ok(blob.to_vec())
            }
            // What a Float32Array holds.
            Element::F16 if blob.len() == expected * 2 => {
                let numbers = blob.as_chunks::<4>().0.iter();
                let mut numbers = numbers.map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
                let mut out = Vec::with_capacity(expected);
                numbers.try_for_each(|number| self.push(&mut out, number))?;
                Ok(out)
            }
            Element::Int8 | Element::Bit if blob.len() == expected => Ok(blob.to_vec()),
            _ => Err(wrong(format!(
                "a vector of dimension {} has {expected} bytes, not {}",
                self.dimension,
                blob.len()
            ))),
        }
    }

    fn json_bytes(&self, text: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let mut out = Vec::with_capacity(self.element.bytes(self.dimension));
        let mut bits = Bits::default();
        let mut count = 0;
        json_numbers(text, &mut |number| {
            count += 1;
            if count > self.dimension {
                return Ok(());
            }
            if self.element == Element::Bit {
                bits.push(&mut out, number)
            } else {
                self.push(&mut out, number)
            }
        })?;
        if count != self.dimension {
            return Err(wrong(format!(
                "a vector of this table has {} numbers, not {count}",
                self.dimension
            )));
        }
        Ok(out)
    }

    /// Adds a number, if the element can hold it.
    #[allow(clippy::cast_possible_truncation)] // to the precision of the element, which is the point
    fn push(&self, out: &mut Vec<u8>, number: f64) -> Result<(), ModuleError> {
        match self.element {
            Element::F32 => {
                let number = number as f32;
                if !number.is_finite() {
                    return Err(not_finite());
                }
                out.extend(number.to_le_bytes());
            }
            Element::F16 => {
                if !number.is_finite() {
                    return Err(not_finite());
                }
                let half = f16::from_f64(number);
                if !half.is_finite() {
                    return Err(wrong(format!("{number} is too large for element=f16")));
                }
                out.extend(half.to_le_bytes());
            }
            Element::Int8 | Element::Bit => {
                if number.fract() != 0.0 || !(-128.0..=127.0).contains(&number) {
                    return Err(wrong(format!(
                        "{number} is not a whole number from -128 to 127, as element=int8 has"
                    )));
                }
                out.extend((number as i8).to_le_bytes());
            }
        }
        Ok(())
    }

    fn is_zero(&self, bytes: &[u8]) -> bool {
        match self.element {
            Element::F32 => {
                let mut numbers = bytes.as_chunks::<4>().0.iter();
                numbers.all(|bytes| f32::from_le_bytes(*bytes) == 0.0)
            }
            Element::F16 => {
                let mut numbers = bytes.as_chunks::<2>().0.iter();
                numbers.all(|bytes| f16::from_le_bytes(*bytes).to_f32() == 0.0)
            }
            Element::Int8 | Element::Bit => bytes.iter().all(|byte| *byte == 0),
        }
    }
}

fn not_finite() -> ModuleError {
    wrong("the numbers of a vector must be finite: no NaN, no infinity")
}

/// Whether every number is finite, and the length is that of whole numbers.
pub(crate) fn is_finite(element: Element, bytes: &[u8]) -> bool {
    match element {
        Element::F32 => {
            let (numbers, rest) = bytes.as_chunks::<4>();
            // Without an early end, so that many are looked at at once.
            let all = |all, b: &[u8; 4]| all & f32::from_le_bytes(*b).is_finite();
            rest.is_empty() && numbers.iter().fold(true, all)
        }
        Element::F16 => {
            let (numbers, rest) = bytes.as_chunks::<2>();
            let all = |all, b: &[u8; 2]| all & f16::from_le_bytes(*b).is_finite();
            rest.is_empty() && numbers.iter().fold(true, all)
        }
        Element::Int8 | Element::Bit => true,
    }
}

/// Gathers bits, the first of a byte as its lowest.
#[derive(Default)]
struct Bits {
    byte: u8,
    count: u8,
}

impl Bits {
    fn push(&mut self, out: &mut Vec<u8>, number: f64) -> Result<(), ModuleError> {
        let bit = match number {
            0.0 => 0,
            1.0 => 1,
            _ => return Err(wrong(format!("{number} is not a bit: 0 or 1"))),
        };
        self.byte |= bit << self.count;
        self.count += 1;
        if self.count == 8 {
            out.push(self.byte);
            *self = Self::default();
        }
        Ok(())
    }
}

fn malformed() -> ModuleError {
    wrong("malformed JSON of a vector: expected an array of numbers, such as [0.5, -1, 2e-3]")
}

/// Calls `each` with every number of a JSON array.
fn json_numbers(
    text: &[u8],
    each: &mut dyn FnMut(f64) -> Result<(), ModuleError>,
) -> Result<(), ModuleError> {
    let text = text.trim_ascii();
    let inner = text
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"))
        .ok_or_else(malformed)?;
    if inner.trim_ascii().is_empty() {
        return Ok(());
    }
    for item in inner.split(|byte| *byte == b',') {
        let item = item.trim_ascii();
        if !is_json_number(item) {
            return Err(malformed());
        }
        let number = std::str::from_utf8(item).map_err(|_| malformed())?;
        each(number.parse().map_err(|_| malformed())?)?;
    }
    Ok(())
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`: what Rust reads is more than that.
fn is_json_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count, &text[count..])
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (count, mut rest) = digits(text);
    if count == 0 || (count > 1 && text[0] == b'0') {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (count, after) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let sign = usize::from(matches!(exponent, [b'+' | b'-', ..]));
        let exponent = &exponent[sign..];
        let (count, after) = digits(exponent);
        if count == 0 {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// A vector as JSON, the shortest text that reads as the same numbers.
pub(crate) fn to_json(element: Element, bytes: &[u8]) -> String {
    let numbers: Vec<String> = match element {
        Element::F32 => {
            let numbers = bytes.as_chunks::<4>().0.iter();
            numbers
                .map(|b| f32::from_le_bytes(*b).to_string())
                .collect()
        }
        Element::F16 => {
            let numbers = bytes.as_chunks::<2>().0.iter();
            numbers
                .map(|b| f16::from_le_bytes(*b).to_string())
                .collect()
        }
        Element::Int8 => bytes.iter().map(|b| b.cast_signed().to_string()).collect(),
        Element::Bit => {
            let bits = bytes.iter().flat_map(|b| (0..8).map(move |at| b >> at & 1));
            bits.map(|bit| bit.to_string()).collect()
        }
    };
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(element: Element, dimension: usize) -> Shape {
        let metric = match element {
            Element::Bit => Metric::Hamming,
            _ => Metric::Cosine,
        };
        Shape {
            element,
            dimension,
            metric,
        }
    }

    fn read(element: Element, dimension: usize, value: ValueRef<'_>) -> Result<Vec<u8>, String> {
        shape(element, dimension)
            .read(value)
            .map_err(|error| match error {
                ModuleError::Message(message) => message,
                other => format!("{other:?}"),
            })
    }

    #[test]
    fn json_is_read_and_written() {
        for (element, text, json) in [
            (Element::F32, " [ 1, -2.5e0,3E+1,0.1 ] ", "[1,-2.5,30,0.1]"),
            (Element::F16, "[1,-2.5,30,0.1]", "[1,-2.5,30,0.099975586]"),
            (Element::Int8, "[1,-128,127,0]", "[1,-128,127,0]"),
        ] {
            let bytes = read(element, 4, ValueRef::Text(text.as_bytes())).unwrap();
            assert_eq!(to_json(element, &bytes), json);
            assert_eq!(read(element, 4, ValueRef::Blob(&bytes)), Ok(bytes));
        }
        let bits = read(Element::Bit, 8, ValueRef::Text(b"[1,0,0,0,0,0,1,0]"));
        assert_eq!(bits, Ok(vec![0b100_0001]));
        assert_eq!(to_json(Element::Bit, &[0b100_0001]), "[1,0,0,0,0,0,1,0]");
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn wrong_vectors_are_refused() {
        let json = |text: &'static str| ValueRef::Text(text.as_bytes());
        for text in [
            "",
            "[",
            "]",
            "[1,2",
            "1,2",
            "[1,,2]",
            "[1,2,]",
            "[01,2]",
            "[1.,2]",
            "[.5,2]",
            "[1e,2]",
            "[NaN,1]",
            "[inf,1]",
            "[+1,2]",
            "[\"1\",2]",
            "[[1],2]",
            "{\"a\":1}",
            "[1 2]",
            "[0x1,2]",
            "null",
        ] {
            assert!(
                read(Element::F32, 2, json(text)).is_err_and(|m| m.starts_with("malformed JSON")),
                "{text}"
            );
        }
        let infinite = [1_f32, f32::INFINITY].map(f32::to_le_bytes).concat();
        let nan = [1_f32, f32::NAN].map(f32::to_le_bytes).concat();
        for (element, value, message) in [
            (
                Element::F32,
                json("[1]"),
                "a vector of this table has 2 numbers, not 1",
            ),
            (
                Element::F32,
                json("[]"),
                "a vector of this table has 2 numbers, not 0",
            ),
            (
                Element::F32,
                json("[1,2,3]"),
                "a vector of this table has 2 numbers, not 3",
            ),
            (
                Element::F32,
                ValueRef::Blob(&[0; 7]),
                "a vector of dimension 2 has 8 bytes, not 7",
            ),
            (Element::F32, ValueRef::Null, "a vector cannot be NULL"),
            (
                Element::F32,
                ValueRef::Integer(1),
                "a vector is JSON text or a BLOB, not a number",
            ),
            (
                Element::F32,
                json("[1e39,1]"),
                "the numbers of a vector must be finite: no NaN, no infinity",
            ),
            (
                Element::F32,
                ValueRef::Blob(&infinite),
                "the numbers of a vector must be finite: no NaN, no infinity",
            ),
            (
                Element::F32,
                ValueRef::Blob(&nan),
                "the numbers of a vector must be finite: no NaN, no infinity",
            ),
            (
                Element::F16,
                json("[70000,1]"),
                "70000 is too large for element=f16",
            ),
            (
                Element::F16,
                ValueRef::Blob(&nan),
                "the numbers of a vector must be finite: no NaN, no infinity",
            ),
            (
                Element::F32,
                json("[0,-0]"),
                "a vector of zeros has no direction: metric=cosine needs one",
            ),
            (
                Element::F32,
                json("[1e-60,0]"),
                "a vector of zeros has no direction: metric=cosine needs one",
            ),
            (
                Element::Int8,
                json("[128,0]"),
                "128 is not a whole number from -128 to 127, as element=int8 has",
            ),
            (
                Element::Int8,
                json("[0.5,0]"),
                "0.5 is not a whole number from -128 to 127, as element=int8 has",
            ),
        ] {
            assert_eq!(read(element, 2, value), Err(message.into()));
        }
        assert_eq!(
            read(Element::Bit, 8, json("[2,0,0,0,0,0,0,0]")),
            Err("2 is not a bit: 0 or 1".into())
        );
    }

    #[test]
    fn an_f16_table_takes_a_float32array() {
        let numbers = [1_f32, -0.5].map(f32::to_le_bytes).concat();
        let bytes = read(Element::F16, 2, ValueRef::Blob(&numbers)).unwrap();
        assert_eq!(to_json(Element::F16, &bytes), "[1,-0.5]");
    }
}
