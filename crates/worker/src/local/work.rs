//! Long work of tables, as the front end hears of it while the job runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ferrolite_sqlite::{OnWork, ValueRef};

use crate::block::Packer;
use crate::port::Port;
use crate::protocol::Reply;

/// Reports to the front end, unless it is far behind: then it would have to be waited for.
pub(super) fn reporter(port: &Arc<Port>) -> OnWork {
    let port = port.clone();
    let packer = RefCell::new(Packer::default());
    Rc::new(move |work| {
        if !port.is_behind() {
            #[allow(clippy::cast_precision_loss)] // JavaScript numbers; exact up to 2^53
            let number = |number: u64| ValueRef::Real(number as f64);
            let values = [
                ValueRef::Text(work.table.as_bytes()),
                number(work.done),
                number(work.total),
            ];
            let mut packer = packer.borrow_mut();
            packer.push_values(Reply::Work, &values);
            port.send(&mut packer);
        }
        true
    })
}
