//! What differs between the engines, and nothing else knows.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::{DbError, DbResult};

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite, embedded: one control process.
    Sqlite,
    /// MariaDB 10.6 or later (the `mysql` scheme is its protocol's name).
    Mysql,
    /// PostgreSQL 15 or later.
    Postgres,
}

/// A statement as an engine wants it: its text, and which argument (from 0) each placeholder takes.
pub(super) struct Rendered {
    pub text: Arc<str>,
    pub order: Vec<usize>,
}

/// How long a statement waits for another's rows before the database counts as busy, in seconds.
const LOCK_WAIT_S: u32 = 15;

/// Statements by engine and text.
type Cache = RwLock<HashMap<(Engine, String), Arc<Rendered>>>;

impl Engine {
    /// Its name, as in the scheme of its URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    pub(super) fn of_url(url: &str) -> DbResult<Self> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("mysql" | "mariadb") => Ok(Self::Mysql),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(DbError::Open(
                "database.url must begin with sqlite:, mysql: or postgres:".into(),
            )),
        }
    }

    /// The URL to connect to, and SQLite's `synchronous` setting taken out of it.
    pub(super) fn connect_url(self, url: &str) -> (String, String) {
        match self {
            Self::Sqlite => {
                let (path, query) = url.split_once('?').unwrap_or((url, ""));
                let synchronous = query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("synchronous="));
                let full = synchronous.is_some_and(|value| value.eq_ignore_ascii_case("full"));
                (
                    format!("{path}?mode=rwc"),
                    if full { "FULL" } else { "NORMAL" }.to_owned(),
                )
            }
            Self::Mysql => (url.replacen("mariadb:", "mysql:", 1), String::new()),
            Self::Postgres => (url.to_owned(), String::new()),
        }
    }

    /// What people call the server of a URL: engine, address and database; neither user nor password.
    pub(super) fn place(self, url: &str) -> DbResult<String> {
        let wrong =
            |error: sqlx::Error| DbError::Open(format!("database.url can not be used: {error}"));
        Ok(match self {
            Self::Sqlite => "SQLite".into(),
            Self::Mysql => {
                let options = MySqlConnectOptions::from_str(url).map_err(wrong)?;
                let database = options.get_database().unwrap_or_default();
                format!(
                    "MariaDB {}:{}/{database}",
                    options.get_host(),
                    options.get_port()
                )
            }
            Self::Postgres => {
                let options = PgConnectOptions::from_str(url).map_err(wrong)?;
                let database = options.get_database().unwrap_or_default();
                format!(
                    "PostgreSQL {}:{}/{database}",
                    options.get_host(),
                    options.get_port()
                )
            }
        })
    }

    pub(super) fn session_statements(self, synchronous: &str) -> Vec<String> {
        match self {
            Self::Sqlite => vec![
                "PRAGMA busy_timeout = 15000".into(),
                "PRAGMA journal_mode = WAL".into(),
                format!("PRAGMA synchronous = {synchronous}"),
                "PRAGMA foreign_keys = ON".into(),
                "PRAGMA temp_store = MEMORY".into(),
                "PRAGMA cache_size = -4000".into(),
            ],
            Self::Mysql => vec![
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".into(),
                // Whatever the server's own modes are: nothing is cut short in silence, and text means what it says.
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE'".into(),
                format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}"),
                "SET SESSION time_zone = '+00:00'".into(),
                // What rows are joined to is not cut off.
                "SET SESSION group_concat_max_len = 1073741824".into(),
            ],
            Self::Postgres => vec![
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED".into(),
                format!("SET lock_timeout = '{LOCK_WAIT_S}s'"),
            ],
        }
    }

    /// The SQL expression for now in microseconds, by the database's clock.
    pub fn now_expr(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS BIGINT)",
            Self::Mysql => "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// The SQL expression for the sum of a BIGINT expression, 0 for no rows, as a BIGINT (engines widen it otherwise).
    pub fn sum(self, expression: &str) -> String {
        let whole = match self {
            Self::Sqlite | Self::Postgres => "BIGINT",
            Self::Mysql => "SIGNED",
        };
        format!("CAST(COALESCE(SUM({expression}), 0) AS {whole})")
    }

    /// The SQL expression for the texts that an expression is in a group's rows, joined by commas, in no order; none for no
    /// rows. [`super::Row::take_joined`] reads it. One row with all of them is read much faster than a row for each.
    pub fn joined(self, expression: &str) -> String {
        let joined = match self {
            Self::Sqlite => format!("GROUP_CONCAT({expression}, ',')"),
            Self::Mysql => format!("GROUP_CONCAT({expression} SEPARATOR ',')"),
            Self::Postgres => format!("STRING_AGG({expression}, ',')"),
        };
        format!("COALESCE({joined}, '')")
    }

    /// A statement of a migration in this engine's words.
    ///
    /// Text sorts and compares by its bytes on all engines, so that lists and pages are the same everywhere. MariaDB commits
    /// each such statement by itself: there it is one that a starter who comes after one that died in the middle may repeat.
    pub(super) fn render_schema(self, text: &str) -> String {
        let (long, blob, double, collate) = match self {
            Self::Sqlite => ("TEXT", "BLOB", "DOUBLE PRECISION", ""),
            Self::Mysql => ("LONGTEXT", "LONGBLOB", "DOUBLE", ""),
            Self::Postgres => ("TEXT", "BYTEA", "DOUBLE PRECISION", " COLLATE \"C\""),
        };
        let text = text
            .replace("{id}", &format!("VARCHAR(64){collate}"))
            .replace("{digest}", &format!("VARCHAR(128){collate}"))
            .replace("{name}", &format!("VARCHAR(255){collate}"))
            .replace("{text}", &format!("{long}{collate}"))
            .replace("{blob}", blob)
            .replace("{double}", double);
        match (self, text.split_once(" ON ")) {
            (Self::Mysql, _) => repeatable_for_mysql(&text),
            // The others know an index by its name alone.
            (_, Some((index, _))) if text.starts_with("DROP INDEX ") => index.to_owned(),
            _ => text,
        }
    }

    /// The statement in this engine's words. Results are cached by text: statements are few and repeat.
    pub(super) fn render(self, text: &str) -> Arc<Rendered> {
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let cache = CACHE.get_or_init(RwLock::default);
        let key = (self, text.to_owned());
        if let Some(found) = cache
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return found.clone();
        }
        let rendered = Arc::new(self.rewrite(text));
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        // Lists of unusual length make unusual statements; they must not pile up.
        if cache.len() >= 2048 {
            cache.clear();
        }
        cache.insert(key, rendered.clone());
        rendered
    }

    fn rewrite(self, text: &str) -> Rendered {
        let text = if self == Self::Mysql {
            upsert_for_mysql(text)
        } else {
            text.to_owned()
        };
        let mut out = String::with_capacity(text.len());
        let mut order = Vec::new();
        let mut highest = 0;
        let mut chars = text.chars().peekable();
        let mut quoted = false;
        while let Some(c) = chars.next() {
            quoted ^= c == '\'';
            if c != '$' || quoted {
                out.push(c);
                continue;
            }
            let mut number = 0;
            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                number = number * 10 + digit as usize;
                chars.next();
            }
            highest = highest.max(number);
            match self {
                Self::Mysql => {
                    order.push(number.saturating_sub(1));
                    out.push('?');
                }
                Self::Sqlite => out.push_str(&format!("?{number}")),
                Self::Postgres => out.push_str(&format!("${number}")),
            }
        }
        if self != Self::Mysql {
            order = (0..highest).collect();
        }
        Rendered {
            text: out.into(),
            order,
        }
    }
}

/// Forms of a migration's statements, and what each becomes on MariaDB. Another form needs a thought about what happens
/// when it is repeated, and a line here.
const REPEATABLE: [(&str, &str); 6] = [
    ("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "),
    ("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS "),
    ("CREATE UNIQUE INDEX ", "CREATE UNIQUE INDEX IF NOT EXISTS "),
    ("DROP TABLE ", "DROP TABLE IF EXISTS "),
    ("DROP INDEX ", "DROP INDEX IF EXISTS "),
    ("UPDATE ", "UPDATE "),
];

fn adds_column(text: &str) -> bool {
    text.starts_with("ALTER TABLE ") && text.contains(" ADD COLUMN ")
}

fn repeatable_for_mysql(text: &str) -> String {
    let form = REPEATABLE
        .iter()
        .find(|(form, repeatable)| text.starts_with(form) && !text.starts_with(repeatable));
    let mut text = match form {
        Some((form, repeatable)) => text.replacen(form, repeatable, 1),
        None => text.to_owned(),
    };
    if adds_column(&text) {
        text = text.replacen(" ADD COLUMN ", " ADD COLUMN IF NOT EXISTS ", 1);
    }
    if text.starts_with("CREATE TABLE ") {
        // Bytes, and blanks at the end count: as the other engines compare.
        text.push_str(" ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
    }
    text
}

/// Whether it is known how a migration's statement can be repeated.
#[cfg(test)]
pub(super) fn is_repeatable(text: &str) -> bool {
    REPEATABLE.iter().any(|(form, _)| text.starts_with(form)) || adds_column(text)
}

/// `ON CONFLICT (a) DO UPDATE SET x = excluded.x` → `ON DUPLICATE KEY UPDATE x = VALUES(x)`;
/// `ON CONFLICT DO NOTHING` → `INSERT IGNORE`.
fn upsert_for_mysql(text: &str) -> String {
    if let Some(at) = text.find("ON CONFLICT DO NOTHING") {
        return text[..at].replacen("INSERT INTO", "INSERT IGNORE INTO", 1);
    }
    let Some(at) = text.find("ON CONFLICT") else {
        return text.to_owned();
    };
    let Some(set) = text[at..].find("DO UPDATE SET") else {
        return text.to_owned();
    };
    let assignments = &text[at + set + "DO UPDATE SET".len()..];
    let mut out = format!("{}ON DUPLICATE KEY UPDATE", &text[..at]);
    let mut rest = assignments;
    while let Some(found) = rest.find("excluded.") {
        out.push_str(&rest[..found]);
        rest = &rest[found + "excluded.".len()..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        out.push_str(&format!("VALUES({})", &rest[..end]));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_gets_its_own_words() {
        let text = "INSERT INTO t (a, b) VALUES ($1, '$9') ON CONFLICT (a) DO UPDATE SET b = excluded.b, n = t.n + $1";
        let mysql = Engine::Mysql.rewrite(text);
        assert_eq!(
            &*mysql.text,
            "INSERT INTO t (a, b) VALUES (?, '$9') ON DUPLICATE KEY UPDATE b = VALUES(b), n = t.n + ?"
        );
        assert_eq!(mysql.order, [0, 0]);
        let sqlite = Engine::Sqlite.rewrite("SELECT $2, $1, $2");
        assert_eq!(&*sqlite.text, "SELECT ?2, ?1, ?2");
        assert_eq!(sqlite.order, [0, 1]);
        assert_eq!(
            &*Engine::Mysql
                .rewrite("INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING")
                .text,
            "INSERT IGNORE INTO t (a) VALUES (?) "
        );
    }
}
