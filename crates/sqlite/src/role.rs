//! Connections that share the reads of one database. What a statement needs is asked of the engine while it
//! compiles it: its authorizer sees every function and every table, those of views too.

use crate::connection::Connection;
use crate::error::Result;
use crate::pragma::Pragma;
use crate::sql::Tokens;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// All that its user does.
    #[default]
    Only = 0,
    /// All but the reads that readers do.
    Writer = 1,
    /// Reads. It refuses statements whose result depends on the connection that writes.
    Reader = 2,
    /// Reads of the file of a replica. It refuses pragmas that do more than read the file.
    Replica = 3,
}

impl Role {
    /// The role of this number; [`Only`](Self::Only) if none has it.
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Writer,
            2 => Self::Reader,
            3 => Self::Replica,
            _ => Self::Only,
        }
    }
}

/// Whether a statement is a query, and no PRAGMA or EXPLAIN.
pub fn is_query(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql).skip_while(|token| token.is_sign(";"));
    let first = tokens.next();
    first.is_some_and(|token| token.is_any(&["SELECT", "WITH", "VALUES"]))
}

impl Connection {
    /// Says what it is for, before anything is compiled.
    pub fn set_role(&self, role: Role) -> Result<()> {
        self.shared.hooks.notes.role.set(role);
        self.update_authorizer()
    }

    /// Whether the statement that was compiled last, if it only reads, means the same on others.
    pub fn may_read_elsewhere(&self, sql: &[u8]) -> bool {
        let notes = &self.shared.hooks.notes;
        notes.is_wanted() && !notes.is_own.get() && std::str::from_utf8(sql).is_ok_and(is_query)
    }

    /// Settings of the connection that were compiled since the last call.
    pub fn take_settings(&self) -> Vec<Pragma> {
        self.shared.hooks.notes.settings.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::notes::REFUSED;
    use crate::open::OpenOptions;

    fn open(role: Role) -> Result<Connection> {
        let conn = Connection::open(&OpenOptions::new(":memory:"))?;
        let script = b"CREATE TABLE t (a, changes); CREATE VIEW v AS SELECT \"changes\"() AS n;
            CREATE VIEW w AS SELECT * FROM v\0";
        conn.exec(script, &mut |_| Ok(()))?;
        conn.set_role(role)?;
        Ok(conn)
    }

    #[test]
    fn what_depends_on_the_connection_is_found_wherever_it_stands() -> Result<()> {
        let conn = open(Role::Writer)?;
        let elsewhere = |sql: &str| {
            conn.prepare(sql.as_bytes())?;
            Ok::<_, Error>(conn.may_read_elsewhere(sql.as_bytes()))
        };
        for sql in [
            "SELECT * FROM t",
            "SELECT 'changes()', changes AS \"changes()\" FROM t -- changes()",
            "/* x */ WITH c AS (SELECT 1) SELECT * FROM c",
            "VALUES (1)",
            "SELECT * FROM pragma_table_info('t')",
        ] {
            assert!(elsewhere(sql)?, "{sql}");
        }
        for sql in [
            "SELECT \"changes\"()",
            "SELECT [CHANGES] ( )",
            "SELECT changes/**/()",
            "SELECT `last_insert_rowid`()",
            "SELECT total_changes()",
            "SELECT * FROM w",
            "SELECT a FROM t WHERE a > (SELECT n FROM w)",
            "SELECT * FROM pragma_cache_size",
            "SELECT count(*) FROM pragma_data_version",
            "EXPLAIN SELECT 1",
            "PRAGMA user_version",
        ] {
            assert!(!elsewhere(sql)?, "{sql}");
        }
        Ok(())
    }

    #[test]
    fn readers_and_replicas_refuse_what_is_for_the_writer() -> Result<()> {
        let refuses = |conn: &Connection, sql: &str| {
            let error = conn.prepare(sql.as_bytes()).err();
            error.is_some_and(|error| error.code() == REFUSED)
        };
        let reader = open(Role::Reader)?;
        assert!(refuses(&reader, "SELECT * FROM w"));
        assert!(!refuses(&reader, "SELECT * FROM t"));
        let replica = open(Role::Replica)?;
        assert!(!refuses(&replica, "SELECT * FROM w"));
        assert!(!refuses(&replica, "PRAGMA table_info(t)"));
        assert!(refuses(&replica, "PRAGMA user_version(6)"));
        assert!(refuses(&replica, "PRAGMA \"cache_size\" = 5"));
        Ok(())
    }

    #[test]
    fn settings_are_reported() -> Result<()> {
        let conn = open(Role::Writer)?;
        for sql in [
            "PRAGMA cache_size = -77",
            "PRAGMA table_info(t)",
            "PRAGMA main . \"mmap_size\"('0')",
            "PRAGMA cache_size",
        ] {
            conn.prepare(sql.as_bytes())?;
        }
        let settings = conn.take_settings();
        let settings: Vec<_> = settings.iter().map(Pragma::to_sql).collect();
        assert_eq!(
            settings,
            [
                "PRAGMA \"cache_size\" = '-77'",
                "PRAGMA \"main\".\"mmap_size\" = '0'"
            ]
        );
        assert!(conn.take_settings().is_empty());
        Ok(())
    }
}
