//! A gate that opens once: others wait behind it for what one thread has to do first.

use std::time::Duration;

use crate::sync::{lock, wait_for, Condvar, Mutex};

/// How long a wait may miss that it is given up: that is not notified here.
const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *lock(&self.is_open) = true;
        self.opened.notify_all();
    }

    /// Waits until the gate is open, unless `gives_up`.
    pub fn pass(&self, gives_up: impl Fn() -> bool) {
        let mut is_open = lock(&self.is_open);
        while !*is_open && !gives_up() {
            is_open = wait_for(&self.opened, is_open, TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{model, thread, Arc};

    #[test]
    fn all_pass_when_it_is_open_and_nobody_waits_afterwards() {
        model(|| {
            let gate = Arc::new(Gate::default());
            let waiting = [0, 1].map(|_| {
                let gate = gate.clone();
                thread::spawn(move || gate.pass(|| false))
            });
            gate.open();
            for thread in waiting {
                thread.join().unwrap();
            }
            gate.pass(|| false);
        });
    }

    #[test]
    fn who_gives_up_does_not_wait() {
        model(|| Gate::default().pass(|| true));
    }
}
