//! That MariaDB and PostgreSQL do what SQLite does: the services' own tests, run again on a database of each.
//!
//! A server is started and this very program is run once more with the names of the stories, told to keep its databases
//! there. Whatever statement the code has must be among those that were run, or the engine was not shown to take it.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::path::Path;

use regex::Regex;
use rstest::rstest;

use crate::db::testing::server::{Server, command};
use crate::db::testing::{SERVER, administer, sites};
use crate::db::{Db, DbError, Engine, sql};
use crate::error::Error;

/// Tests by the beginning of their names.
const STORIES: &[&str] = &[
    "db::",
    "saga::",
    "identity::",
    "compute::",
    "depot::",
    "network::",
    "image::",
    "volume::",
    "telemetry::",
    "api::",
    "roles::tests::",
];

/// Tests among them that are about SQLite's file, about no database, or of servers of their own.
const ELSEWHERE: &[&str] = &[
    "roles::tests::engines",
    "a_writer_waits_for_another_process",
    "roles::tests::faults",
    "roles::tests::secrets",
    "roles::tests::start",
];

/// Long ones, and one that keeps a processor busy while it waits. Others run their statements as well; to run these on a
/// server, set `SKYDECK_TEST_DATABASE` and name them.
const LONG: &[&str] = &[
    "roles::tests::proof",
    "roles::tests::schedule",
    "compute::tests::chaos::an_operation_that_fails",
    "compute::tests::chaos::a_deletion_may_come",
];

#[rstest]
#[case::mariadb(Engine::Mysql)]
#[case::postgresql(Engine::Postgres)]
fn the_stories_are_the_same_on_a_server(#[case] engine: Engine) {
    let server = Server::start(engine);
    let ran = tempfile::NamedTempFile::new().unwrap();
    let mut said = tempfile::tempfile().unwrap();
    let mut stories = command(&std::env::current_exe().unwrap(), None);
    stories.args(STORIES).args(["--test-threads", "4"]);
    for name in ELSEWHERE.iter().chain(LONG) {
        stories.args(["--skip", name]);
    }
    stories
        .env(SERVER, server.url())
        .env(sites::FILE, ran.path());
    stories.stdout(said.try_clone().unwrap());
    stories.stderr(said.try_clone().unwrap());
    let status = stories.status().unwrap();
    let mut text = String::new();
    said.rewind().unwrap();
    said.read_to_string(&mut text).unwrap();
    assert!(status.success(), "{text}");
    let ran: BTreeSet<String> = std::fs::read_to_string(ran.path())
        .unwrap()
        .lines()
        .map(ToOwned::to_owned)
        .collect();
    let missed: Vec<String> = statements().difference(&ran).cloned().collect();
    assert!(missed.is_empty(), "never run: {}", missed.join("\n"));
}

/// Where statements begin in the code that is no test.
fn statements() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    collect(root, &root.join("src"), &mut found);
    assert!(found.len() > 200, "the code has {} statements", found.len());
    found
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeSet<String>) {
    let begins = Regex::new(r"(^|[^\w.:])sql\(").unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("tests") || name.starts_with("testing") {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
            continue;
        }
        let inside = path.strip_prefix(root).unwrap().display().to_string();
        // Each engine's own way to take turns.
        if !name.ends_with(".rs") || inside == "src/db/migrate.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with("#[cfg(test)]") {
                break;
            }
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("sql(") && begins.is_match(code) && !code.contains("fn sql(") {
                found.insert(sites::line(&inside, u32::try_from(number + 1).unwrap()));
            }
        }
    }
}

/// A database of one's own on a server of one's own.
fn database(engine: Engine) -> (Server, String, tokio::runtime::Runtime) {
    let server = Server::start(engine);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(administer(&server.url(), "CREATE DATABASE cloud"));
    let url = format!("{}/cloud", server.url());
    (server, url, runtime)
}

#[rstest]
#[case::mariadb(Engine::Mysql)]
#[case::postgresql(Engine::Postgres)]
fn a_server_that_dies_in_the_middle_of_a_transaction_is_waited_for(#[case] engine: Engine) {
    let (mut server, url, runtime) = database(engine);
    // Connections are given back where they are dropped.
    let _inside = runtime.enter();
    let db = runtime.block_on(Db::open(&url)).unwrap();
    let add = |name: &'static str| sql("INSERT INTO network_seed (name) VALUES ($1)").bind(name);
    let mut tx = runtime.block_on(db.begin()).unwrap();
    runtime.block_on(add("before").execute(&mut tx)).unwrap();
    server.kill();
    let error = runtime
        .block_on(add("during").execute(&mut tx))
        .unwrap_err();
    assert!(matches!(error, DbError::Lost(_)), "{error:?}");
    assert_eq!(Error::from(error).status(), 503);
    drop(tx);
    // Whoever comes while it is away waits for it.
    let late = db.clone();
    let waits = runtime.spawn(async move {
        let mut tx = late.begin().await?;
        add("after").execute(&mut tx).await?;
        tx.commit().await
    });
    server.run();
    runtime.block_on(waits).unwrap().unwrap();
    let mut conn = runtime.block_on(db.read()).unwrap();
    let names = sql("SELECT name FROM network_seed").all(&mut conn, |row| row.take::<String>());
    assert_eq!(runtime.block_on(names).unwrap(), ["after"]);
}

#[rstest]
#[case::mariadb(Engine::Mysql)]
#[case::postgresql(Engine::Postgres)]
fn a_server_on_this_machine_is_reached_by_its_socket(#[case] engine: Engine) {
    let (server, _, runtime) = database(engine);
    let _inside = runtime.enter();
    let url = server.socket_url("cloud");
    let db = runtime.block_on(Db::open(&url)).unwrap();
    assert_eq!(db.engine(), engine);
    let gone = runtime.block_on(Db::open(&server.socket_url("other")));
    let error = gone.err().unwrap().to_string();
    assert!(error.contains("other"), "{error}");
}

#[rstest]
#[case::mariadb(
    "mysql://skydeck:hunter2@127.0.0.1:1/cloud",
    "MariaDB 127.0.0.1:1/cloud"
)]
#[case::postgresql(
    "postgres://skydeck:hunter2@127.0.0.1:1/cloud",
    "PostgreSQL 127.0.0.1:1/cloud"
)]
#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password(
    #[case] url: &str,
    #[case] place: &str,
) {
    let error = Db::open(url).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(text.contains(place) && text.contains("refused"), "{text}");
    assert!(text.contains("database.url"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[rstest]
#[case::mariadb(Engine::Mysql, "ssl-mode=VERIFY_IDENTITY", "ssl-ca")]
#[case::postgresql(Engine::Postgres, "sslmode=verify-full", "sslrootcert")]
fn a_servers_certificate_is_checked(
    #[case] engine: Engine,
    #[case] checked: &str,
    #[case] authority: &str,
) {
    let server = Server::start_with_tls(engine);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    runtime.block_on(administer(&server.url(), "CREATE DATABASE cloud"));
    let url = format!("{}/cloud?{checked}", server.url());
    // Nobody that the system trusts has signed it.
    let error = runtime.block_on(Db::open(&url)).err().unwrap().to_string();
    assert!(error.contains("certificate"), "{error}");
    let certificate = server.certificate();
    let url = format!("{url}&{authority}={}", certificate.display());
    let db = runtime.block_on(Db::open(&url)).unwrap();
    let mut conn = runtime.block_on(db.read()).unwrap();
    let text = match engine {
        Engine::Mysql => {
            "SELECT COUNT(*) FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher' AND variable_value <> ''"
        }
        _ => "SELECT COUNT(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()",
    };
    assert_eq!(
        runtime
            .block_on(sql(text).scalar::<i64>(&mut conn))
            .unwrap(),
        1
    );
}
