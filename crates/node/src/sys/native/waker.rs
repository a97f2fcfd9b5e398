//! Wakes the event loop from other threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use neon::context::Cx;
use neon::event::Channel;

use super::{Call, Env, Result};

/// Runs a function on the thread of an environment, with the data of the call that this was made in.
pub struct Waker<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    channel: Channel,
    data: Data<T>,
    run: fn(Env<'_>, &T) -> Result<()>,
    woken: AtomicBool,
}

/// The data of exported functions, which lives for good (see [`Call::data`]).
struct Data<T>(*const T);

// SAFETY: looked at on the thread of the environment alone.
unsafe impl<T> Send for Data<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Data<T> {}

impl<T> Clone for Waker<T> {
    fn clone(&self) -> Self {
        let inner = self.inner.clone();
        Self { inner }
    }
}

impl<T: 'static> Waker<T> {
    /// The environment may end while this exists: it does not keep the event loop running.
    pub fn new(call: &Call<'_>, run: fn(Env<'_>, &T) -> Result<()>) -> Self {
        let mut channel = call.env.with_neon(|cx| Channel::new(cx));
        call.env.with_neon(|cx| {
            channel.unref(cx);
        });
        let inner = Arc::new(Inner {
            channel,
            data: Data(call.data_address()),
            run,
            woken: AtomicBool::new(false),
        });
        Self { inner }
    }

    /// Has the function run soon, once for any number of calls until then. From any thread; does nothing
    /// when the environment has ended.
    pub fn wake(&self) {
        if self.inner.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let inner = self.inner.clone();
        let _ = self.inner.channel.try_send(move |mut cx| {
            inner.woken.store(false, Ordering::Release);
            // SAFETY: the environment lives: it runs this.
            let data = unsafe { &*inner.data.0 };
            let env = Env::from_neon(&mut cx);
            if (inner.run)(env, data).is_err() {
                env.end_event();
            }
            Ok(())
        });
    }

    /// A channel that keeps the event loop running while it is referenced; it is not yet.
    pub fn hold(&self) -> Hold {
        Hold {
            channel: self.inner.channel.clone(),
        }
    }
}

/// Keeps the event loop running, or not.
pub struct Hold {
    channel: Channel,
}

impl Hold {
    pub fn set(&mut self, env: Env<'_>, on: bool) {
        let channel = &mut self.channel;
        env.with_neon(|cx: &mut Cx| {
            if on {
                channel.reference(cx);
            } else {
                channel.unref(cx);
            }
        });
    }
}
