//! The aggregates `median` and `percentile` of newer versions of `SQLite`.

use std::ffi::CStr;

use crate::function::{Aggregate, Args, Context};
use crate::value::ValueRef;

/// `median(y)`, `percentile(y, p)`, `percentile_cont(y, p)` or `percentile_disc(y, p)`.
#[derive(Clone, Copy)]
pub(crate) struct Percentile {
    pub(crate) name: &'static CStr,
    /// The highest `p`; `None` where it is the middle.
    most: Option<f64>,
    /// Takes one of the values, never one between them.
    discrete: bool,
}

#[derive(Default)]
pub(crate) struct Values {
    fraction: Option<f64>,
    list: Vec<f64>,
    sorted: bool,
}

impl Values {
    fn sort(&mut self) {
        if !self.sorted {
            self.list.sort_unstable_by(f64::total_cmp);
            self.sorted = true;
        }
    }

    /// The first place where a value may stand; `-0.0` is equal to `0.0`.
    fn place(&self, value: f64) -> usize {
        self.list.partition_point(|other| *other < value)
    }
}

impl Percentile {
    pub(crate) const fn new(name: &'static CStr, most: Option<f64>, discrete: bool) -> Self {
        Self {
            name,
            most,
            discrete,
        }
    }

    pub(crate) fn arg_count(&self) -> i8 {
        if self.most.is_some() {
            2
        } else {
            1
        }
    }

    fn fail(&self, before: &str, after: &str, context: &mut Context<'_>) {
        let message = format!("{before} {}(){after}", self.name.to_string_lossy());
        context.fail_with(message.as_bytes());
    }
}

impl Aggregate for Percentile {
    type State = Values;

    fn is_window(&self) -> bool {
        true
    }

    fn start(&self, _: &mut Context<'_>) -> Option<Values> {
        Some(Values::default())
    }

    fn step(&self, state: &mut Values, args: Args<'_>, context: &mut Context<'_>) {
        let mut fraction = 0.5;
        if let Some(most) = self.most {
            fraction = args.number(1).map_or(-1.0, |value| value / most);
            if !(0.0..=1.0).contains(&fraction) {
                let after = format!(" is not between 0.0 and {most:.1}");
                return self.fail("the fraction argument to", &after, context);
            }
        }
        if (*state.fraction.get_or_insert(fraction) - fraction).abs() > 0.001 {
            let after = " is not the same for all input rows";
            return self.fail("the fraction argument to", after, context);
        }
        let value = match args.get(0) {
            ValueRef::Null => return,
            ValueRef::Integer(_) | ValueRef::Real(_) => args.number(0).unwrap_or_default(),
            _ => return self.fail("input to", " is not numeric", context),
        };
        if !value.is_finite() {
            return self.fail("Inf input to", "", context);
        }
        if state.list.try_reserve(1).is_err() {
            return context.no_memory();
        }
        if state.sorted {
            let at = state.place(value);
            state.list.insert(at, value);
        } else {
            state.list.push(value);
        }
    }

    fn inverse(&self, state: &mut Values, args: Args<'_>, _: &mut Context<'_>) {
        if let (ValueRef::Integer(_) | ValueRef::Real(_), Some(value)) =
            (args.get(0), args.number(0))
        {
            state.sort();
            let at = state.place(value);
            if state.list.get(at) == Some(&value) {
                state.list.remove(at);
            }
        }
    }

    // The place is from zero to that of the last value.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    fn value(&self, state: &mut Values, context: &mut Context<'_>) {
        // The next rows of a window are put in order one by one.
        state.sort();
        let (Some(last), Some(fraction)) = (state.list.len().checked_sub(1), state.fraction) else {
            return context.set(ValueRef::Null);
        };
        let place = fraction * last as f64;
        let at = place as usize;
        let mut value = state.list[at];
        if !self.discrete {
            let part = place.fract();
            let next = if part > 0.0 { last.min(at + 1) } else { at };
            value += (state.list[next] - value) * part;
        }
        context.set(ValueRef::Real(value));
    }

    fn finalize(&self, mut state: Values, context: &mut Context<'_>) {
        self.value(&mut state, context);
    }
}
