//! Node-API bindings: arguments in, packed rows out. The only crate that knows JavaScript.

#![cfg_attr(target_family = "wasm", allow(dead_code))] // what workers need

mod authorizer;
mod backup;
mod bind;
mod block_layout;
mod callback;
mod database;
mod environment;
mod execute;
mod guard;
mod kept;
mod methods;
mod open;
#[cfg(not(target_family = "wasm"))]
mod resident;
mod session;
mod sql;
mod statement;
mod store;
mod sys;
mod table;
#[cfg(not(target_family = "wasm"))]
mod worker;
#[cfg(not(target_family = "wasm"))]
mod worker_store;
#[cfg_attr(target_family = "wasm", path = "no_workers.rs")]
mod workers;

use std::ptr;
use std::rc::Rc;

use crate::environment::Environment;
use crate::sys::{callback, Call, Env};

#[cfg(not(target_family = "wasm"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Called by `sys` when the module is loaded.
fn register(env: Env<'_>, exports: sys::Value<'_>) {
    // A panic becomes an exception, whose message says where it was (`sys::caught`).
    std::panic::set_hook(Box::new(|info| sys::remember_panic(&info.to_string())));
    sys::caught(env, || {
        if !sys::load() {
            let text = "This runtime lacks Node-API functions that Ferrolite needs: use Node.js 20 or newer";
            return Err(env.throw_error(sys::ErrorKind::Plain, text));
        }
        env.export(exports, "init", callback!(init), ptr::null())
    });
}

/// `init(options)` -> the functions of this addon, bound to one environment.
fn init<'e>(call: &Call<'e>) -> sys::Result<sys::Value<'e>> {
    let exports = call.env.object()?;
    export_all(call.env, call.arg(0), exports)?;
    Ok(exports)
}

/// Adds functions to an object, by a table of their names.
macro_rules! export {
    ($env:expr, $exports:expr, $data:expr, { $($name:literal => $body:path,)* }) => {
        $($env.export($exports, $name, callback!($body), $data)?;)*
    };
}
#[cfg(not(target_family = "wasm"))]
use export;

#[allow(clippy::too_many_lines)] // a table
fn export_all(env: Env<'_>, options: sys::Value<'_>, exports: sys::Value<'_>) -> sys::Result<()> {
    let environment = Environment::new(env, options)?;
    // The functions hold this count: they can be called as long as the environment lives.
    let data = Rc::into_raw(environment).cast();
    workers::export_all(env, exports, data)?;
    export!(env, exports, data, {
        "databaseOpen" => open::open,
        "databaseOpenStore" => open::open_store,
        "databaseRefresh" => kept::refresh,
        "databaseFlush" => kept::flush,
        "databaseCheckpoint" => kept::checkpoint,
        "databaseHistory" => kept::history,
        "databaseRestore" => kept::restore,
        "databaseClose" => methods::close,
        "databaseIsOpen" => methods::is_open,
        "databaseInTransaction" => methods::in_transaction,
        "databaseIsReading" => methods::is_reading,
        "databaseExec" => methods::exec,
        "databaseUnsafeMode" => methods::unsafe_mode,
        "databaseLoadExtension" => methods::load_extension,
        "databaseRekey" => methods::rekey,
        "databaseSerialize" => methods::serialize,
        "databaseInterrupt" => methods::interrupt,
        "databaseLastChanges" => methods::last_changes,
        "databaseLimit" => methods::limit,
        "databaseStats" => methods::stats,
        "databaseAuthorizer" => authorizer::authorizer,
        "databaseOnChange" => methods::on_change,
        "databaseOnWork" => methods::on_work,
        "databaseRequireOpen" => methods::require_open,
        "databaseFunction" => callback::function,
        "databaseAggregate" => callback::aggregate,
        "databaseTable" => table::table,
        "databaseBackup" => backup::backup,
        "backupStep" => backup::step,
        "backupClose" => backup::close,
        "databaseSession" => session::create,
        "databaseApplyChangeset" => session::apply,
        "sessionChangeset" => session::changeset,
        "sessionClose" => session::close,
        "sqlCheckBatch" => sql::check_batch,
        "sqlParameterNames" => sql::parameter_names,
        "sqlOutline" => sql::outline,
        "sqlFileNeed" => sql::file_need_of,
        "sqlWithoutKeys" => sql::without_keys,
        "sqlIsPragma" => sql::is_pragma,
        "sqlHasParameter" => sql::has_parameter,
        "statementPrepare" => statement::prepare,
        "statementReuse" => statement::reuse,
        "statementColumnNames" => statement::column_names,
        "statementColumns" => statement::columns,
        "statementTables" => statement::tables,
        "statementParameterNames" => statement::parameter_names,
        "statementExpandedSql" => statement::expanded_sql,
        "statementBusy" => statement::busy,
        "statementRequireIdle" => statement::require_idle,
        "statementClone" => statement::clone,
        "statementRequireNotBusy" => statement::require_not_busy,
        "statementCheck" => execute::check,
        "statementTimeout" => statement::timeout,
        "statementBind" => statement::bind,
        "statementExec" => execute::exec,
        "statementRun" => execute::run,
        "statementGet" => execute::get,
        "statementPluck" => execute::pluck,
        "statementPluckInt64" => execute::pluck_int64,
        "statementAllPluck" => execute::all_pluck,
        "statementAllPluckInt64" => execute::all_pluck_int64,
        "statementGetInt64" => execute::get_int64,
        "statementAll" => execute::all,
        "statementAllInt64" => execute::all_int64,
        "statementMore" => execute::more,
        "statementEnd" => execute::end,
        "statementIterate" => execute::iterate,
        "statementNext" => execute::next,
        "statementReturn" => execute::iterator_return,
    });
    Ok(())
}
