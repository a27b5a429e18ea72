//! What tables a database has and what is in their columns, asked of the database itself.

use super::{Conn, DbError, DbResult, Engine, Row, Value, sql};

/// What a column holds: one of the kinds of [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Float,
    Text,
    Blob,
}

impl Kind {
    /// By the engine's name of the type.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.split('(').next().unwrap_or_default().trim() {
            "bigint" => Self::Int,
            "double" | "double precision" => Self::Float,
            "varchar" | "character varying" | "text" | "longtext" => Self::Text,
            "blob" | "longblob" | "bytea" => Self::Blob,
            _ => return None,
        })
    }

    /// The row's next column.
    pub(crate) fn take(self, row: &mut Row) -> DbResult<Value> {
        Ok(match self {
            Self::Int => Value::Int(row.take()?),
            Self::Float => Value::Float(row.take()?),
            Self::Text => Value::Text(row.take()?),
            Self::Blob => Value::Blob(row.take()?),
        })
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// In the order in which they were declared.
    pub(crate) columns: Vec<(String, Kind)>,
}

impl Table {
    /// Its columns' names, for a statement.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| &**name).collect();
        names.join(", ")
    }

    /// A row of its columns.
    pub(crate) fn values(&self, row: &mut Row) -> DbResult<Vec<Value>> {
        let kinds = self.columns.iter().map(|(_, kind)| kind);
        kinds.map(|kind| kind.take(row)).collect()
    }
}

/// All tables by name.
pub(crate) async fn tables(conn: &mut Conn) -> DbResult<Vec<Table>> {
    let text = match conn.engine() {
        Engine::Sqlite => {
            "SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid"
        }
        Engine::Mysql => {
            "SELECT CAST(table_name AS CHAR(64)), CAST(column_name AS CHAR(64)), CAST(data_type AS CHAR(64)) \
             FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS VARCHAR), CAST(column_name AS VARCHAR), CAST(data_type AS VARCHAR) \
             FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        }
    };
    let rows = sql(text)
        .all(conn, |row| {
            Ok((
                row.take::<String>()?,
                row.take::<String>()?,
                row.take::<String>()?,
            ))
        })
        .await?;
    let mut tables: Vec<Table> = Vec::new();
    for (name, column, declared) in rows {
        let kind = Kind::of(&declared).ok_or_else(|| DbError::Decode {
            column: 2,
            reason: format!("{name}.{column} is of type {declared}, which no table of Skydeck has"),
        })?;
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push((column, kind)),
            None => tables.push(Table {
                name,
                columns: vec![(column, kind)],
            }),
        }
    }
    Ok(tables)
}
