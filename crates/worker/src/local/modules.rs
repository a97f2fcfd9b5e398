//! The virtual tables that every local connection has, those of workers and readers too.

use ferrolite_sqlite::RegisterModules;

/// A new virtual table is a line here.
pub const MODULES: &[RegisterModules] = &[ferrolite_vector::register];
