//! The workers of one environment, and what wakes its event loop.

use std::ffi::c_void;
use std::sync::Arc;
use std::thread::JoinHandle;

use ferrolite_worker::Port;

use crate::environment::Environment;
use crate::sys::{callback, Call, Env, Hold, Ref, Result, Value, Waker};
use crate::{export, resident, worker, worker_store};

/// The functions for workers, for JavaScript.
pub fn export_all(env: Env<'_>, exports: Value<'_>, data: *const c_void) -> Result<()> {
    export!(env, exports, data, {
        "databaseOpenResident" => resident::open,
        "databaseTakeBatch" => resident::take_batch,
        "databaseSettle" => resident::settle,
        "databaseReplace" => resident::replace,
        "databaseFreeze" => resident::freeze,
        "databaseQueued" => resident::queued,
        "workerOnWake" => worker::set_on_wake,
        "workerOpen" => worker::open,
        "workerOpenResident" => resident::open_worker,
        "workerOpenStore" => worker_store::open,
        "workerOnRequest" => worker_store::set_on_request,
        "workerTakeRequest" => worker_store::take,
        "workerAnswerRequest" => worker_store::answer,
        "workerOpenRemote" => worker::open_remote,
        "workerOpenBehind" => worker::open_behind,
        "workerOpenReplica" => worker::open_replica,
        "replicaDetach" => worker::detach_replica,
        "workerWrites" => worker::writes,
        "workerWritten" => worker::written,
        "workerReportSyncs" => worker::report_syncs,
        "workerLastSync" => worker::last_sync,
        "workerWait" => worker::wait,
        "workerPost" => worker::post,
        "workerInterrupt" => worker::interrupt,
        "workerSpin" => worker::spin,
        "workerTake" => worker::take,
        "workerRef" => worker::ref_wake_up,
        "workerAnswer" => worker::answer,
        "workerAuthorizer" => worker::authorizer,
    });
    Ok(())
}

/// What an environment keeps of its workers.
#[derive(Default)]
pub struct Workers {
    running: Vec<(Arc<Port>, JoinHandle<()>)>,
    waker: Option<(Waker<Environment>, Hold)>,
    /// What JavaScript does when it is woken.
    on_wake: Option<Ref>,
    /// What has JavaScript take requests to its stores, and how: they do not wait for blocks.
    store_waker: Option<Waker<Environment>>,
    on_request: Option<Ref>,
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

    /// What has JavaScript take requests to its stores, from any thread.
    pub fn store_waker(&mut self, call: &Call<'_>) -> Waker<Environment> {
        let make = || Waker::new(call, run_on_request);
        self.store_waker.get_or_insert_with(make).clone()
    }

    pub fn set_on_request(&mut self, on_request: Ref) {
        self.on_request = Some(on_request);
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
    let function = environment
        .workers
        .borrow()
        .on_wake
        .as_ref()
        .map(|on| on.get(env));
    run(env, function)
}

fn run_on_request(env: Env<'_>, environment: &Environment) -> Result<()> {
    let workers = environment.workers.borrow();
    let function = workers.on_request.as_ref().map(|on| on.get(env));
    drop(workers);
    run(env, function)
}

fn run<'e>(env: Env<'e>, function: Option<Result<Value<'e>>>) -> Result<()> {
    let Some(function) = function.transpose()? else {
        return Ok(());
    };
    env.call(function, env.undefined()?, &[]).map(|_| ())
}
