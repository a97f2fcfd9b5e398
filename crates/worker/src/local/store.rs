//! A connection whose database is in a key-value store of the front end.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ferrolite_kv::{Entry, Error, Handle, Limits, Options, Store, StoreError, StoreResult};
use ferrolite_sqlite::{Connection, OpenOptions};

use super::MODULES;
use crate::port::{Port, StoreReply, StoreRequest};
use crate::protocol::StoreCall;

/// The store that a database is in, and how it is opened.
#[derive(Debug, Clone)]
pub struct StoreArgs {
    /// What the store takes in one call
    pub limits: Limits,
    /// Whether it has `putIfAbsent`
    pub fenced: bool,
    /// Whether it has `list`
    pub lists: bool,
    /// How many calls it gets at once
    pub concurrency: usize,
    /// The options of the database
    pub options: Options,
}

/// Opens the database `name`.
pub(super) fn open(
    port: &Arc<Port>,
    name: &str,
    args: &StoreArgs,
) -> Result<(Connection, Handle), Error> {
    let open = OpenOptions {
        modules: MODULES,
        ..OpenOptions::new("")
    };
    ferrolite_kv::connect_with(store_of(port, args), name, args.options.clone(), &open)
}

/// The store that the front end has.
pub(super) fn store_of(port: &Arc<Port>, args: &StoreArgs) -> Rc<dyn Store> {
    Rc::new(PortStore {
        port: port.clone(),
        limits: args.limits,
        fenced: args.fenced,
        lists: args.lists,
        concurrency: args.concurrency.max(1),
        decides: Cell::new(false),
    })
}

/// Asks the front end, and waits for what its store answers.
struct PortStore {
    port: Arc<Port>,
    limits: Limits,
    fenced: bool,
    lists: bool,
    concurrency: usize,
    /// What becomes of a transaction is being decided: cancelling the job does not end the waiting.
    decides: Cell<bool>,
}

fn request(call: StoreCall, keys: &[String]) -> StoreRequest {
    StoreRequest {
        call,
        keys: keys.to_vec(),
        values: Vec::new(),
    }
}

fn request_of(call: StoreCall, key: &str, value: Option<&[u8]>) -> StoreRequest {
    StoreRequest {
        call,
        keys: vec![key.into()],
        values: value.map(<[u8]>::to_vec).into_iter().collect(),
    }
}

fn request_to_put(entries: &[Entry]) -> StoreRequest {
    let (keys, values) = entries.iter().cloned().unzip();
    StoreRequest {
        call: StoreCall::PutBatch,
        keys,
        values,
    }
}

/// What another kind of answer would be, which the front end does not let through.
fn misfit<T>() -> StoreResult<T> {
    Err(StoreError::new("the answer is of another kind"))
}

fn done(reply: &StoreReply) -> StoreResult<()> {
    match reply {
        StoreReply::Done => Ok(()),
        _ => misfit(),
    }
}

fn values(reply: StoreReply) -> StoreResult<Vec<Option<Vec<u8>>>> {
    match reply {
        StoreReply::Values(values) => Ok(values),
        _ => misfit(),
    }
}

impl PortStore {
    fn is_unwanted(&self) -> bool {
        self.port.is_shutting_down() || !self.decides.get() && self.port.is_interrupted()
    }

    fn wait(&self, number: u32) -> StoreResult<StoreReply> {
        match self.port.wait_for_store(number, || self.is_unwanted()) {
            Some(StoreReply::Failed {
                message,
                timed_out,
                reason,
            }) => Err(StoreError {
                message,
                timed_out,
                reason,
            }),
            Some(reply) => Ok(reply),
            None => Err(StoreError::new("interrupted")),
        }
    }

    fn ask(&self, request: StoreRequest) -> StoreResult<StoreReply> {
        if self.is_unwanted() {
            return Err(StoreError::new("interrupted"));
        }
        self.wait(self.port.request(request))
    }

    /// Asks for all of it, as many at once as the store is to get.
    fn ask_all(
        &self,
        requests: impl ExactSizeIterator<Item = StoreRequest>,
    ) -> Vec<StoreResult<StoreReply>> {
        let mut replies = Vec::with_capacity(requests.len());
        let mut on_their_way = std::collections::VecDeque::new();
        for request in requests {
            if on_their_way.len() >= self.concurrency {
                let oldest = on_their_way.pop_front();
                replies.extend(oldest.map(|number| self.wait(number)));
            }
            on_their_way.push_back(self.port.request(request));
        }
        replies.extend(on_their_way.into_iter().map(|number| self.wait(number)));
        replies
    }
}

impl Store for PortStore {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn is_fenced(&self) -> bool {
        self.fenced
    }

    fn get(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        let mut values = values(self.ask(request_of(StoreCall::Get, key, None))?)?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => misfit(),
        }
    }

    fn get_batch(&self, keys: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        values(self.ask(request(StoreCall::GetBatch, keys))?)
    }

    fn get_batches(&self, batches: &[&[String]]) -> Vec<StoreResult<Vec<Option<Vec<u8>>>>> {
        let requests = batches
            .iter()
            .map(|keys| request(StoreCall::GetBatch, keys));
        let replies = self.ask_all(requests).into_iter();
        replies.map(|reply| reply.and_then(values)).collect()
    }

    fn put(&self, key: &str, value: &[u8]) -> StoreResult<()> {
        done(&self.ask(request_of(StoreCall::Put, key, Some(value)))?)
    }

    fn put_batch(&self, entries: &[Entry]) -> StoreResult<()> {
        done(&self.ask(request_to_put(entries))?)
    }

    fn put_batches(&self, batches: &[Vec<Entry>]) -> Vec<StoreResult<()>> {
        let requests = batches.iter().map(|entries| request_to_put(entries));
        let replies = self.ask_all(requests).into_iter();
        replies
            .map(|reply| reply.and_then(|reply| done(&reply)))
            .collect()
    }

    fn delete_batch(&self, keys: &[String]) -> StoreResult<()> {
        done(&self.ask(request(StoreCall::DeleteBatch, keys))?)
    }

    fn put_if_absent(&self, key: &str, value: &[u8]) -> StoreResult<bool> {
        match self.ask(request_of(StoreCall::PutIfAbsent, key, Some(value)))? {
            StoreReply::Created(created) => Ok(created),
            _ => misfit(),
        }
    }

    fn list(&self, prefix: &str) -> Option<StoreResult<Vec<String>>> {
        if !self.lists {
            return None;
        }
        let reply = self.ask(request_of(StoreCall::List, prefix, None));
        Some(reply.and_then(|reply| match reply {
            StoreReply::Keys(keys) => Ok(keys),
            _ => misfit(),
        }))
    }

    fn gives_up(&self) -> bool {
        self.is_unwanted()
    }

    fn decides(&self, on: bool) {
        self.decides.set(on);
    }

    fn pause(&self, time: Duration) {
        self.port.pause(time, || self.is_unwanted());
    }
}
