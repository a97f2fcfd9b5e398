//! What a table is made with: `dimension=384, metric=cosine, lang TEXT, tenant INTEGER INDEXED`.

use ferrolite_sqlite::ModuleError;

use crate::distance::Metric;
use crate::element::Element;

/// Names of hidden columns, which no other column may have.
pub(crate) const HIDDEN: [&str; 4] = ["vector", "distance", "k", "search_list_size"];

/// Columns that `SQLite` has by itself under these names.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

const MAX_DIMENSION: u32 = 65_536;
const MAX_COLUMNS: usize = 500;

/// The type of a column, which is its affinity too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Integer,
    Real,
    Text,
    Blob,
}

impl Type {
    const ALL: [Self; 4] = [Self::Integer, Self::Real, Self::Text, Self::Blob];

    /// As in SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("INT") {
            return Some(Self::Integer);
        }
        Self::ALL
            .into_iter()
            .find(|column_type| column_type.name().eq_ignore_ascii_case(name))
    }
}

/// A column beside the vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    pub(crate) column_type: Type,
    pub(crate) is_indexed: bool,
}

/// All that a table is made with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) dimension: u32,
    pub(crate) metric: Metric,
    pub(crate) element: Element,
    pub(crate) max_degree: u32,
    pub(crate) build_search_list_size: u32,
    pub(crate) search_list_size: Option<u32>,
    pub(crate) pruning_alpha: f32,
    pub(crate) recall: f32,
    pub(crate) columns: Vec<ColumnDefinition>,
}

fn wrong(message: impl Into<String>) -> ModuleError {
    ModuleError::Message(message.into())
}

/// Names of options, and what `metric` and `element` may be.
const OPTIONS: [&str; 8] = [
    "dimension",
    "metric",
    "element",
    "max_degree",
    "build_search_list_size",
    "search_list_size",
    "pruning_alpha",
    "recall",
];
const METRICS: [(&str, Metric); 4] = [
    ("cosine", Metric::Cosine),
    ("euclidean", Metric::Euclidean),
    ("dot", Metric::Dot),
    ("hamming", Metric::Hamming),
];
const ELEMENTS: [(&str, Element); 4] = [
    ("f32", Element::F32),
    ("f16", Element::F16),
    ("int8", Element::Int8),
    ("bit", Element::Bit),
];

fn choose<T: Copy>(option: &str, value: &str, choices: &[(&str, T)]) -> Result<T, ModuleError> {
    let found = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(value));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        wrong(format!(
            "{option} must be one of {}, not \"{value}\"",
            names.join(", ")
        ))
    })
}

fn whole(option: &str, value: &str, least: u32, most: u32) -> Result<u32, ModuleError> {
    let number = value.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            wrong(format!(
                "{option} must be a whole number from {least} to {most}, not \"{value}\""
            ))
        })
}

fn real(option: &str, value: &str, least: f32, most: f32) -> Result<f32, ModuleError> {
    let number = value.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            wrong(format!(
                "{option} must be a number from {least} to {most}, not \"{value}\""
            ))
        })
}

/// The name that an option has here; `max_neighbors` and `insert_list_size` are those of sqlite-diskann.
fn canonical(name: &str) -> Option<&'static str> {
    let name = match name.to_ascii_lowercase().as_str() {
        "max_neighbors" => "max_degree".to_string(),
        "insert_list_size" => "build_search_list_size".to_string(),
        other => other.to_string(),
    };
    OPTIONS.into_iter().find(|option| *option == name)
}

/// `recall` as an option and as a command.
pub(crate) fn recall(value: &str) -> Result<f32, ModuleError> {
    real("recall", value, 0.5, 0.999)
}

/// `element` as an option and as an argument of functions.
pub(crate) fn element(value: &str) -> Result<Element, ModuleError> {
    choose("element", value, &ELEMENTS)
}

impl Options {
    /// Reads what stands in the brackets of CREATE VIRTUAL TABLE.
    pub(crate) fn parse(arguments: &[&[u8]]) -> Result<Self, ModuleError> {
        let mut given: Vec<(&'static str, String)> = Vec::new();
        let mut columns: Vec<ColumnDefinition> = Vec::new();
        for argument in arguments {
            let text = std::str::from_utf8(argument)
                .map_err(|_| wrong("the arguments of diskann must be UTF-8"))?
                .trim();
            if let Some((name, value)) = option_of(text) {
                let Some(option) = canonical(name) else {
                    return Err(wrong(format!(
                        "unknown option \"{name}\" of diskann: there are {}",
                        OPTIONS.join(", ")
                    )));
                };
                if given.iter().any(|(other, _)| *other == option) {
                    return Err(wrong(format!("option {option} is given twice")));
                }
                given.push((option, unquote(value)));
            } else {
                columns.push(column_of(text, &columns)?);
            }
        }
        if columns.len() > MAX_COLUMNS {
            return Err(wrong(format!("too many columns: {MAX_COLUMNS} at most")));
        }
        Self::from_pairs(&given, columns)
    }

    fn from_pairs(
        given: &[(&'static str, String)],
        columns: Vec<ColumnDefinition>,
    ) -> Result<Self, ModuleError> {
        let get = |option: &str| {
            let found = given.iter().find(|(name, _)| *name == option);
            found.map(|(_, value)| value.as_str())
        };
        let dimension = get("dimension")
            .ok_or_else(|| wrong("diskann needs the dimension of its vectors: dimension=384"))?;
        let dimension = whole("dimension", dimension, 1, MAX_DIMENSION)?;
        let element = get("element").map_or(Ok(Element::F32), |value| {
            choose("element", value, &ELEMENTS)
        })?;
        let default = if element == Element::Bit {
            Metric::Hamming
        } else {
            Metric::Cosine
        };
        let metric =
            get("metric").map_or(Ok(default), |value| choose("metric", value, &METRICS))?;
        if (metric == Metric::Hamming) != (element == Element::Bit) {
            return Err(wrong(
                "metric=hamming is the one for element=bit, and for no other",
            ));
        }
        if element == Element::Bit && dimension % 8 != 0 {
            return Err(wrong("the dimension of bits must be a multiple of 8"));
        }
        let or = |option: &str, default: u32, least, most| {
            get(option).map_or(Ok(default), |value| whole(option, value, least, most))
        };
        Ok(Self {
            dimension,
            metric,
            element,
            max_degree: or("max_degree", 32, 4, 254)?,
            build_search_list_size: or("build_search_list_size", 75, 4, 10_000)?,
            search_list_size: get("search_list_size")
                .map(|value| whole("search_list_size", value, 1, 10_000))
                .transpose()?,
            pruning_alpha: get("pruning_alpha")
                .map_or(Ok(1.2), |value| real("pruning_alpha", value, 1.0, 4.0))?,
            recall: get("recall").map_or(Ok(0.98), recall)?,
            columns,
        })
    }

    /// What is kept of them in the file: a text that [`parse`](Self::parse) reads, one argument a line.
    pub(crate) fn to_text(&self) -> String {
        let name = |choices: &[(&'static str, Metric)]| {
            let found = choices.iter().find(|(_, metric)| *metric == self.metric);
            found.map_or("", |(name, _)| *name)
        };
        let element = ELEMENTS
            .iter()
            .find(|(_, element)| *element == self.element)
            .map_or("", |(name, _)| *name);
        let mut lines = vec![
            format!("dimension={}", self.dimension),
            format!("metric={}", name(&METRICS)),
            format!("element={element}"),
            format!("max_degree={}", self.max_degree),
            format!("build_search_list_size={}", self.build_search_list_size),
            format!("pruning_alpha={}", self.pruning_alpha),
            format!("recall={}", self.recall),
        ];
        if let Some(size) = self.search_list_size {
            lines.push(format!("search_list_size={size}"));
        }
        lines.extend(self.columns.iter().map(|column| {
            let indexed = if column.is_indexed { " INDEXED" } else { "" };
            let column_type = column.column_type.name();
            format!("{} {column_type}{indexed}", quote(&column.name))
        }));
        lines.join("\n")
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(crate) fn from_text(text: &str) -> Result<Self, ModuleError> {
        let lines: Vec<_> = text.split('\n').map(str::as_bytes).collect();
        Self::parse(&lines)
    }

    /// The bytes of one vector.
    pub(crate) fn stride(&self) -> usize {
        self.element.bytes(self.dimension as usize)
    }

    /// The statement that tells `SQLite` the columns.
    pub(crate) fn declaration(&self, table: &str) -> String {
        let columns = self.columns.iter().map(|column| {
            let column_type = column.column_type.name();
            format!("{} {column_type}, ", quote(&column.name))
        });
        format!(
            "CREATE TABLE x({}vector HIDDEN, distance REAL HIDDEN, k INTEGER HIDDEN, \
             search_list_size INTEGER HIDDEN, {} HIDDEN)",
            columns.collect::<String>(),
            quote(table)
        )
    }

    /// Whether a table may have this name, which is that of a hidden column too.
    pub(crate) fn check_table_name(&self, table: &str) -> Result<(), ModuleError> {
        let own = self.columns.iter().map(|column| column.name.as_str());
        if own
            .chain(HIDDEN)
            .chain(ROWID)
            .any(|name| name.eq_ignore_ascii_case(table))
        {
            return Err(wrong(format!(
                "a diskann table cannot be named \"{table}\": one of its columns is"
            )));
        }
        Ok(())
    }
}

/// Quotes a name for SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `name = value`, if the argument starts like that.
fn option_of(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_word)).then(|| (name, value.trim()))
}

fn unquote(value: &str) -> String {
    for mark in ['\'', '"'] {
        let inner = value
            .strip_prefix(mark)
            .and_then(|rest| rest.strip_suffix(mark));
        if let Some(inner) = inner {
            return inner.to_string();
        }
    }
    value.to_string()
}

/// The name at the start of a column's definition, and what follows.
fn name_of(text: &str) -> Option<(String, &str)> {
    let first = text.chars().next()?;
    let close = match first {
        '"' | '`' | '\'' => first,
        '[' => ']',
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
            let starts = !first.is_ascii_digit();
            return (starts && name.chars().all(is_word)).then(|| (name.to_string(), rest));
        }
    };
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != close {
            name.push(c);
        } else if close != ']' && chars.peek().is_some_and(|(_, next)| *next == close) {
            name.push(c);
            chars.next();
        } else {
            return Some((name, &text[at + c.len_utf8()..]));
        }
    }
    None
}

fn column_of(text: &str, others: &[ColumnDefinition]) -> Result<ColumnDefinition, ModuleError> {
    let malformed = || {
        wrong(format!(
            "\"{text}\" is neither an option (name=value) nor a column (name TYPE [INDEXED]) of diskann"
        ))
    };
    let (name, rest) = name_of(text).ok_or_else(malformed)?;
    let words: Vec<_> = rest.split_whitespace().collect();
    let (column_type, is_indexed) = match words[..] {
        [column_type] => (column_type, false),
        [column_type, indexed] if indexed.eq_ignore_ascii_case("INDEXED") => (column_type, true),
        _ => return Err(malformed()),
    };
    let column_type = Type::from_name(column_type).ok_or_else(|| {
        wrong(format!(
            "the type of column \"{name}\" must be INTEGER, REAL, TEXT or BLOB, not {column_type}"
        ))
    })?;
    if name.is_empty() || name.contains(['\n', '\0']) {
        return Err(malformed());
    }
    let is_taken = |other: &str| other.eq_ignore_ascii_case(&name);
    if HIDDEN.into_iter().chain(ROWID).any(is_taken) {
        return Err(wrong(format!(
            "a column cannot be named \"{name}\": diskann has one of that name"
        )));
    }
    if others.iter().any(|column| is_taken(&column.name)) {
        return Err(wrong(format!("duplicate column name: {name}")));
    }
    Ok(ColumnDefinition {
        name,
        column_type,
        is_indexed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let bytes: Vec<_> = arguments.iter().map(|text| text.as_bytes()).collect();
        Options::parse(&bytes).map_err(|error| match error {
            ModuleError::Message(message) => message,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn options_survive_the_file() {
        let options = parse(&[
            "dimension = 16",
            "metric='dot'",
            "element=f16",
            "max_neighbors=24",
            "insert_list_size=50",
            "search_list_size=99",
            "pruning_alpha=1.25",
            "recall=0.95",
            "lang TEXT",
            "\"a \"\"b\"\" = c\" real indexed",
            "[year] INT",
        ])
        .unwrap_or_else(|error| unreachable!("{error}"));
        assert_eq!(options.max_degree, 24);
        assert_eq!(options.build_search_list_size, 50);
        assert_eq!(options.columns[1].name, "a \"b\" = c");
        assert!(options.columns[1].is_indexed);
        assert_eq!(options.columns[2].column_type, Type::Integer);
        assert_eq!(Options::from_text(&options.to_text()).ok(), Some(options));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (arguments, message) in [
            (&[][..], "diskann needs the dimension of its vectors: dimension=384"),
            (&["dimension=0"], "dimension must be a whole number from 1 to 65536, not \"0\""),
            (&["dimension=1.5"], "dimension must be a whole number from 1 to 65536, not \"1.5\""),
            (&["dimension=2", "Dimension=2"], "option dimension is given twice"),
            (&["dimension=2", "max_degree=9", "max_neighbors=9"], "option max_degree is given twice"),
            (&["dimension=2", "metric=l2"], "metric must be one of cosine, euclidean, dot, hamming, not \"l2\""),
            (&["dimension=2", "metric=hamming"], "metric=hamming is the one for element=bit, and for no other"),
            (&["dimension=9", "element=bit"], "the dimension of bits must be a multiple of 8"),
            (&["dimension=2", "recall=2"], "recall must be a number from 0.5 to 0.999, not \"2\""),
            (&["dimension=2", "pruning_alpha=NaN"], "pruning_alpha must be a number from 1 to 4, not \"NaN\""),
            (&["dimension=2", "distance REAL"], "a column cannot be named \"distance\": diskann has one of that name"),
            (&["dimension=2", "RowId INTEGER"], "a column cannot be named \"RowId\": diskann has one of that name"),
            (&["dimension=2", "a TEXT", "A TEXT"], "duplicate column name: A"),
            (&["dimension=2", "a NUMERIC"], "the type of column \"a\" must be INTEGER, REAL, TEXT or BLOB, not NUMERIC"),
            (&["dimension=2", "a"], "\"a\" is neither an option (name=value) nor a column (name TYPE [INDEXED]) of diskann"),
            (&["dimension=2", ""], "\"\" is neither an option (name=value) nor a column (name TYPE [INDEXED]) of diskann"),
            (&["dimension=2", "\"a TEXT"], "\"\"a TEXT\" is neither an option (name=value) nor a column (name TYPE [INDEXED]) of diskann"),
        ] {
            assert_eq!(parse(arguments).err().as_deref(), Some(message), "{arguments:?}");
        }
        assert!(parse(&["dimension=2", "size=3"]).is_err_and(
            |error| error.starts_with("unknown option \"size\" of diskann: there are ")
        ));
    }

    #[test]
    fn a_table_is_not_named_like_a_column() {
        let options =
            parse(&["dimension=2", "lang TEXT"]).unwrap_or_else(|error| unreachable!("{error}"));
        for name in ["Vector", "k", "LANG", "rowid"] {
            assert!(options.check_table_name(name).is_err(), "{name}");
        }
        assert!(options.check_table_name("t").is_ok());
    }
}
