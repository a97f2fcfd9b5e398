//! A thin safe layer over libSQL's `SQLite` C API.
//!
//! One file per concept, named as `SQLite` names it. A [`Connection`] and its [`Statement`]s belong to
//! the thread that opened them; only an [`InterruptHandle`] may cross threads.

#![deny(missing_docs)]

mod added_functions;
mod allocator;
mod array_insert;
mod authorizer;
mod backup;
mod bind;
mod boundary;
mod changes;
mod changeset;
mod codec;
mod compile;
mod connection;
#[cfg(test)]
mod corpus;
mod descriptors;
mod engine;
mod error;
mod exec;
#[cfg_attr(target_family = "wasm", path = "no_extension.rs")]
mod extension;
mod ffi;
mod function;
mod guarded_functions;
#[cfg(target_family = "wasm")]
mod heap;
mod hooks;
mod inner;
mod internals;
mod interrupt;
mod journal;
mod json;
mod key;
mod like;
mod limited;
mod limits;
mod notes;
mod open;
mod outline;
mod packed;
mod pages;
mod params;
mod patches;
mod percentile;
mod pragma;
mod role;
mod rules;
mod running;
mod script;
mod serialize;
mod session;
mod sql;
mod stack;
mod statement;
mod status;
mod timeout;
mod triggers;
mod unistr;
mod value;
mod vfs;
mod vtab;

pub use authorizer::{glob, Subject};
pub use backup::{Backup, Progress};
pub use connection::Connection;
pub use engine::initialize;
pub use error::{code_name, code_number, Error, Result};
pub use function::{Aggregate, Args, Context, FunctionFlags, Scalar};
pub use hooks::{Authorize, ChangeKind, ChangedRow};
pub use interrupt::InterruptHandle;
pub use key::{wipe, without_keys, Key};
pub use limits::Limit;
pub use open::{OpenOptions, RegisterModules};
pub use outline::returns_data;
pub use packed::{Encoder, Large, Tag, Target, BYTES_PER_BLOCK, SLOTS_PER_BLOCK};
pub use pages::PageWriter;
pub use params::{Param, Params};
pub use pragma::{file_need, is_pragma, Need, Pragma};
pub use role::{is_query, Role};
pub use rules::{Pattern, Rule, Rules};
pub use running::{Row, Running, Step};
pub use script::{batch_fault, has_word, number_of, parameters, statements};
pub use serialize::Serialized;
pub use session::{ApplyHandler, ConflictAction, Session};
pub use sql::{is_plain, Token, TokenKind, Tokens};
pub use statement::{Column, Statement};
pub use value::ValueRef;
pub use vfs::{
    register_default_vfs, register_vfs, Control, FileFlags, FileKind, LockLevel, PragmaAnswer, Vfs,
    VfsError, VfsFile, VfsResult,
};
pub use vtab::{
    Arguments, Conflict, Constraint, Cursor, Integrity, Module, ModuleError, OnWork, Operator,
    OrderBy, Parameters, Plan, Risk, Scan, Table, TableConnection, TableDefinition, TableRows,
    TableStatement, Update, Work, WritableTable,
};

/// Authorizer action codes, conflict types and limits keep `SQLite`'s own numbers.
pub mod consts {
    pub use crate::ffi::{
        SQLITE_CHANGESET_CONFLICT, SQLITE_CHANGESET_CONSTRAINT, SQLITE_CHANGESET_DATA,
        SQLITE_CHANGESET_FOREIGN_KEY, SQLITE_CHANGESET_NOTFOUND,
    };
}
