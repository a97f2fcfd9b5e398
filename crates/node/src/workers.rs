//! The workers of one environment, and what wakes its event loop.

use std::sync::Arc;
use std::thread::JoinHandle;

use ferrolite_worker::Port;

use crate::environment::Environment;
use crate::sys::{Call, Env, Hold, Ref, Result, Waker};

/// What an environment keeps of its workers.
#[derive(Default)]
pub struct Workers {
    running: Vec<(Arc<Port>, JoinHandle<()>)>,
    waker: Option<(Waker<Environment>, Hold)>,
    /// What JavaScript does when it is woken.
    on_wake: Option<Ref>,
}

impl Workers {
    /// What wakes the event loop, from any thread.
    pub fn waker(&mut self, call: &Call<'_>) -> Waker<Environment> {
        let (waker, _) = self.waker.get_or_insert_with(|| {
            let waker = Waker::new(call, run_on_wake);
            let hold = waker.hold();
            (waker, hold)
        });
        waker.clone()
    }

    /// Adds a worker that has started.
    pub fn add(&mut self, port: Arc<Port>, thread: JoinHandle<()>) {
        self.running.retain(|(_, thread)| !thread.is_finished());
        self.running.push((port, thread));
    }

    pub fn set_on_wake(&mut self, on_wake: Ref) {
        self.on_wake = Some(on_wake);
    }

    /// Whether the event loop goes on while nothing else keeps it.
    pub fn ref_wake_up(&mut self, env: Env<'_>, on: bool) {
        if let Some((_, hold)) = &mut self.waker {
            hold.set(env, on);
        }
    }

    /// Ends all workers, and waits for them: no thread outlives its environment.
    pub fn shut_down(self) {
        for (port, _) in &self.running {
            port.shut_down();
        }
        for (_, thread) in self.running {
            // A worker lets no panic out.
            let _ = thread.join();
        }
    }
}

fn run_on_wake(env: Env<'_>, environment: &Environment) -> Result<()> {
    let function = match &environment.workers.borrow().on_wake {
        Some(function) => function.get(env)?,
        None => return Ok(()),
    };
    env.call(function, env.undefined()?, &[]).map(|_| ())
}
