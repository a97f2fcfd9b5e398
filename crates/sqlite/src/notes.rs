//! What the authorizer notes while a statement is compiled, and what a connection with a role may not compile.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;

use crate::error::Error;
use crate::ffi;
use crate::pragma::{is_own_table, Pragma};
use crate::role::Role;

/// The code of a refusal: another connection has to execute the statement. The engine never returns this code.
pub(crate) const REFUSED: c_int = ffi::SQLITE_EMPTY;

/// What was noted while statements were compiled.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) role: Cell<Role>,
    /// A statement is compiled for the first time, not again within a step.
    is_first: Cell<bool>,
    /// Its result depends on the connection that writes, such as `last_insert_rowid()`.
    pub(crate) is_own: Cell<bool>,
    refused: Cell<bool>,
    pub(crate) settings: RefCell<Vec<Pragma>>,
}

impl Notes {
    pub(crate) fn is_wanted(&self) -> bool {
        self.role.get() != Role::Only
    }

    /// Compiling begins, or ends.
    #[inline]
    pub(crate) fn compile(&self, begins: bool) {
        self.is_first.set(begins);
        if begins {
            self.is_own.set(false);
        }
    }

    /// The error of what was refused.
    #[cold]
    pub(crate) fn explain(&self, error: Error) -> Error {
        if self.refused.replace(false) {
            return Error::sqlite(REFUSED, "This is for the connection that writes");
        }
        error
    }

    /// The answer to the engine's authorizer callback.
    pub(crate) fn judge(&self, action: c_int, args: &[Option<&[u8]>; 4]) -> c_int {
        let role = self.role.get();
        let refuses = match action {
            ffi::SQLITE_FUNCTION if args[1].is_some_and(is_own_function) => self.note_own(role),
            ffi::SQLITE_READ if args[0].is_some_and(is_own_table) => self.note_own(role),
            ffi::SQLITE_PRAGMA if role == Role::Writer => {
                let pragma = pragma_of(args);
                if pragma.is_setting() {
                    self.settings.borrow_mut().push(pragma);
                }
                false
            }
            ffi::SQLITE_PRAGMA => role == Role::Replica && !pragma_of(args).only_reads(),
            _ => false,
        };
        if refuses {
            self.refused.set(true);
            return ffi::SQLITE_DENY;
        }
        ffi::SQLITE_OK
    }

    /// Whether it is refused. A view may have come to ask for it since a statement was compiled.
    fn note_own(&self, role: Role) -> bool {
        self.is_own.set(true);
        role == Role::Reader || role == Role::Replica && !self.is_first.get()
    }
}

fn is_own_function(name: &[u8]) -> bool {
    let own: [&[u8]; 3] = [b"changes", b"last_insert_rowid", b"total_changes"];
    own.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn pragma_of(args: &[Option<&[u8]>; 4]) -> Pragma {
    let text = |at: usize| args[at].map(|text| String::from_utf8_lossy(text).into_owned());
    Pragma {
        schema: text(2),
        name: text(0).unwrap_or_default().to_ascii_lowercase(),
        argument: text(1),
    }
}
