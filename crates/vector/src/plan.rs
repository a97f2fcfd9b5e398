//! How a statement reads a table: which terms the table sees to, in which order rows come, what that costs.

use ferrolite_sqlite::{Constraint, ModuleError, Operator, OrderBy, Plan};

use crate::options::{ColumnDefinition, Type};

/// Where hidden columns are: behind those of the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) columns: usize,
    /// Which of the first 64 columns are TEXT, by their bits.
    pub(crate) texts: u64,
}

impl Places {
    pub(crate) fn new(columns: &[ColumnDefinition]) -> Self {
        let texts = columns.iter().take(64).zip(0..);
        Self {
            columns: columns.len(),
            texts: texts
                .filter(|(column, _)| column.column_type == Type::Text)
                .fold(0, |texts, (_, bit)| texts | 1 << bit),
        }
    }

    pub(crate) fn vector(self) -> usize {
        self.columns
    }

    pub(crate) fn distance(self) -> usize {
        self.columns + 1
    }

    pub(crate) fn k(self) -> usize {
        self.columns + 2
    }

    pub(crate) fn list(self) -> usize {
        self.columns + 3
    }

    /// What is compared with text may be a column of numbers, and then the text is compared as a number: `SQLite`
    /// knows, so it looks at the rows that the table has found.
    fn may_be_text(self, subject: Subject) -> bool {
        match subject {
            Subject::Column(column) => column >= 64 || self.texts >> column & 1 == 1,
            _ => false,
        }
    }

    pub(crate) fn command(self) -> usize {
        self.columns + 4
    }
}

/// What an argument of a scan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The vector that is searched for.
    Match,
    /// The number of rows.
    K,
    /// The size of the search list.
    List,
    Rowid,
    Distance,
    Column(usize),
}

/// One argument of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) subject: Subject,
    /// `None` is `IN`, with all its values.
    pub(crate) operator: Option<Operator>,
}

const OPERATORS: [(Operator, &str); 10] = [
    (Operator::Equal, "="),
    (Operator::NotEqual, "!="),
    (Operator::Less, "<"),
    (Operator::LessOrEqual, "<="),
    (Operator::Greater, ">"),
    (Operator::GreaterOrEqual, ">="),
    (Operator::Is, " is"),
    (Operator::IsNot, " is not"),
    (Operator::IsNull, " is null"),
    (Operator::IsNotNull, " is not null"),
];

impl Term {
    fn to_text(self) -> String {
        let subject = match self.subject {
            Subject::Match => return "match".into(),
            Subject::K => return "k".into(),
            Subject::List => return "search_list_size".into(),
            Subject::Rowid => "rowid".into(),
            Subject::Distance => "distance".into(),
            Subject::Column(number) => format!("c{number}"),
        };
        let operator = OPERATORS
            .iter()
            .find(|(operator, _)| Some(*operator) == self.operator);
        format!("{subject}{}", operator.map_or(" in", |(_, name)| name))
    }

    fn from_text(text: &str) -> Option<Self> {
        let of = |subject| {
            Some(Self {
                subject,
                operator: None,
            })
        };
        match text {
            "match" => return of(Subject::Match),
            "k" => return of(Subject::K),
            "search_list_size" => return of(Subject::List),
            _ => {}
        }
        let end = text.find(|c: char| !c.is_ascii_alphanumeric())?;
        let (subject, name) = text.split_at(end);
        let subject = match subject {
            "rowid" => Subject::Rowid,
            "distance" => Subject::Distance,
            column => Subject::Column(column.strip_prefix('c')?.parse().ok()?),
        };
        let operator = OPERATORS.iter().find(|(_, operator)| *operator == name);
        Some(Self {
            subject,
            operator: operator.map(|(operator, _)| *operator),
        })
    }
}

/// The arguments of a scan, as [`plan`] described them.
pub(crate) fn terms(text: &[u8]) -> Option<Vec<Term>> {
    let text = std::str::from_utf8(text).ok()?;
    let parts = text.split(", ").filter(|part| !part.is_empty());
    parts.map(Term::from_text).collect()
}

fn wrong<T>(message: &str) -> Result<T, ModuleError> {
    Err(ModuleError::Message(message.into()))
}

/// What a query asks of the hidden columns.
#[derive(Default)]
struct Search {
    vector: Option<usize>,
    k: Option<usize>,
    list: Option<usize>,
    /// A term waits for another table.
    is_waiting: bool,
}

fn once(place: &mut Option<usize>, constraint: &Constraint, name: &str) -> Result<(), ModuleError> {
    if place.replace(constraint.number).is_some() {
        return wrong(&format!("{name} is given twice"));
    }
    Ok(())
}

fn search(plan: &mut Plan<'_>, places: Places) -> Result<Search, ModuleError> {
    let mut found = Search::default();
    let constraints: Vec<_> = plan.constraints().collect();
    for constraint in constraints {
        let (place, name) = match constraint.column {
            Some(column) if column == places.vector() && constraint.operator == Operator::Match => {
                (&mut found.vector, "MATCH")
            }
            Some(column) if column == places.k() => (&mut found.k, "k"),
            Some(column) if column == places.list() => (&mut found.list, "search_list_size"),
            _ => continue,
        };
        let is_one = constraint.operator == Operator::Equal && !plan.is_in(constraint.number);
        if name != "MATCH" && !is_one {
            return wrong(&format!("{name} takes the operator = and no other"));
        }
        once(place, &constraint, name)?;
        found.is_waiting |= !constraint.usable;
    }
    if found.vector.is_none() && found.k.is_some() {
        return wrong("k needs a vector to search for: WHERE vector MATCH ? AND k = 10");
    }
    if found.vector.is_none() && found.list.is_some() {
        return wrong(
            "search_list_size needs a vector to search for: WHERE vector MATCH ? AND k = 10",
        );
    }
    Ok(found)
}

/// Answers `SQLite`. False where a term that is needed is not known yet.
pub(crate) fn plan(plan: &mut Plan<'_>, places: Places) -> Result<bool, ModuleError> {
    let search = search(plan, places)?;
    if search.is_waiting {
        return Ok(false);
    }
    let mut terms = Vec::new();
    let simple = [
        (search.vector, Subject::Match),
        (search.k, Subject::K),
        (search.list, Subject::List),
    ];
    for (number, subject) in simple {
        if let Some(number) = number {
            plan.pass(number, true);
            terms.push(Term {
                subject,
                operator: None,
            });
        }
    }
    let constraints: Vec<_> = plan.constraints().collect();
    let is_search = search.vector.is_some();
    let mut is_unique = false;
    let mut filters = 0;
    for constraint in constraints {
        let Some(subject) = subject_of(&constraint, places, is_search) else {
            continue;
        };
        if !is_ours(plan, &constraint) {
            continue;
        }
        let mut operator = Some(constraint.operator);
        if constraint.operator == Operator::Equal && plan.is_in(constraint.number) {
            if !plan.take_all_in(constraint.number) {
                continue;
            }
            operator = None;
        }
        plan.pass(constraint.number, !places.may_be_text(subject));
        is_unique |= subject == Subject::Rowid && operator == Some(Operator::Equal);
        filters += 1;
        terms.push(Term { subject, operator });
    }
    if is_unique {
        plan.set_unique();
    }
    set_cost(plan, &search, is_unique, filters);
    let order: Vec<_> = plan.order_by().collect();
    if is_search && is_by_distance(&order, places) {
        plan.set_ordered();
    }
    let text: Vec<_> = terms.into_iter().map(Term::to_text).collect();
    plan.set_text(&text.join(", "));
    Ok(true)
}

/// What a constraint is about, if that is something the table can see to.
fn subject_of(constraint: &Constraint, places: Places, is_search: bool) -> Option<Subject> {
    if !constraint.usable
        || !OPERATORS
            .iter()
            .any(|(operator, _)| *operator == constraint.operator)
    {
        return None;
    }
    match constraint.column {
        None => Some(Subject::Rowid),
        Some(column) if column < places.columns => Some(Subject::Column(column)),
        Some(column) if column == places.distance() && is_search => Some(Subject::Distance),
        Some(_) => None,
    }
}

/// Whether text is compared byte by byte: `LIKE` sends ranges under NOCASE.
fn is_ours(plan: &mut Plan<'_>, constraint: &Constraint) -> bool {
    plan.collation(constraint.number)
        .eq_ignore_ascii_case(b"BINARY")
}

fn is_by_distance(order: &[OrderBy], places: Places) -> bool {
    let ascending = |term: &OrderBy, column| term.column == column && !term.descending;
    match order {
        [first] => ascending(first, Some(places.distance())),
        [first, second] => ascending(first, Some(places.distance())) && ascending(second, None),
        _ => false,
    }
}

/// A search is the outer loop of a join, unless the other table has few rows: its cost stays the same with every
/// filter, and it returns few rows.
fn set_cost(plan: &mut Plan<'_>, search: &Search, is_unique: bool, filters: u32) {
    match (search.vector, search.k) {
        (Some(_), Some(_)) => plan.set_cost(10_000.0, 10),
        (Some(_), None) if is_unique => plan.set_cost(1_000.0, 1),
        (Some(_), None) => plan.set_cost(10_000.0, 1_000),
        (None, _) if is_unique => plan.set_cost(10.0, 1),
        (None, _) => {
            let rows = 1_000_000_i64 >> filters.min(16);
            plan.set_cost(1_000_000.0, rows.max(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_survive_their_text() {
        let mut all = vec![
            Term {
                subject: Subject::Match,
                operator: None,
            },
            Term {
                subject: Subject::K,
                operator: None,
            },
            Term {
                subject: Subject::List,
                operator: None,
            },
        ];
        for subject in [
            Subject::Rowid,
            Subject::Distance,
            Subject::Column(0),
            Subject::Column(12),
        ] {
            all.push(Term {
                subject,
                operator: None,
            });
            for (operator, _) in OPERATORS {
                all.push(Term {
                    subject,
                    operator: Some(operator),
                });
            }
        }
        let text: Vec<_> = all.iter().map(|term| term.to_text()).collect();
        assert_eq!(terms(text.join(", ").as_bytes()), Some(all));
        assert_eq!(terms(b""), Some(vec![]));
        assert_eq!(terms(b"nonsense"), None);
    }
}
