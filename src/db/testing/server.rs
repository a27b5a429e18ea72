//! Servers of MariaDB and PostgreSQL for tests: in a directory of their own, on a port of their own, as a child that ends
//! with the thread that started it, however that ends. Nothing is durable, and no service of the system is touched.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Engine;

/// How long one may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Databases with few rows, many of them.
const MARIADB: &[&str] = &[
    "--no-defaults",
    "--user=root",
    "--bind-address=127.0.0.1",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-log-file-size=64M",
    "--innodb-buffer-pool-size=128M",
    "--innodb-file-per-table=0",
    "--max-connections=2000",
];
const POSTGRESQL: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=500",
    "shared_buffers=64MB",
    "autovacuum=off",
];

/// A server. Ends when this is dropped.
pub struct Server {
    engine: Engine,
    dir: tempfile::TempDir,
    port: u16,
    /// Whether it has a certificate.
    tls: bool,
    child: Option<Child>,
}

impl Server {
    /// Makes and starts one, and waits until it answers.
    pub fn start(engine: Engine) -> Self {
        Self::make(engine, false)
    }

    /// The same with a certificate for its address, [`Server::certificate`].
    pub fn start_with_tls(engine: Engine) -> Self {
        Self::make(engine, true)
    }

    /// The certificate that it shows, which nobody else signed.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn make(engine: Engine, tls: bool) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut server = Self {
            engine,
            dir,
            port,
            tls,
            child: None,
        };
        match engine {
            Engine::Mysql => server.make_mariadb(),
            Engine::Postgres => server.make_postgresql(),
            Engine::Sqlite => panic!("SQLite has no server"),
        }
        if tls {
            server.make_certificate();
        }
        server.run();
        server
    }

    /// Its URL, without a database.
    pub fn url(&self) -> String {
        match self.engine {
            Engine::Mysql => format!("mysql://root@127.0.0.1:{}", self.port),
            _ => format!("postgres://postgres@127.0.0.1:{}", self.port),
        }
    }

    /// The URL of one of its databases by its socket: for processes that see its files, but not its network.
    pub fn socket_url(&self, database: &str) -> String {
        let dir = self.dir.path().display();
        match self.engine {
            Engine::Mysql => format!("mysql://root@localhost/{database}?socket={dir}/s"),
            _ => format!(
                "postgres://postgres@localhost:{}/{database}?host={dir}",
                self.port
            ),
        }
    }

    /// Starts it again, after [`Server::kill`], on the same port with the same data.
    pub fn run(&mut self) {
        let data = self.dir.path().join("data");
        let mut command = match self.engine {
            Engine::Mysql => {
                let mut command = command(Path::new("mariadbd"), None);
                command
                    .args(MARIADB)
                    .arg(format!("--datadir={}", data.display()))
                    .arg(format!("--socket={}", self.dir.path().join("s").display()))
                    .arg(format!("--port={}", self.port));
                command
            }
            _ => {
                let mut command = command(&postgresql().join("postgres"), self.user());
                command.arg("-D").arg(&data).arg("-k").arg(self.dir.path());
                command.arg("-p").arg(self.port.to_string());
                for setting in POSTGRESQL {
                    command.arg("-c").arg(setting);
                }
                command
            }
        };
        if self.tls {
            let (certificate, key) = (self.certificate(), self.key());
            let (certificate, key) = (certificate.display(), key.display());
            command.args(match self.engine {
                Engine::Mysql => vec![
                    format!("--ssl-cert={certificate}"),
                    format!("--ssl-key={key}"),
                ],
                _ => vec![
                    "-cssl=on".into(),
                    format!("-cssl_cert_file={certificate}"),
                    format!("-cssl_key_file={key}"),
                ],
            });
        }
        let log = self.log();
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().expect("the server's package is installed"));
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok()?);
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the server does not start: {}",
                std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // PostgreSQL's own children would outlive it for a moment, and keep its memory from the next one.
            let signal = match self.engine {
                Engine::Postgres => Signal::SIGQUIT,
                _ => Signal::SIGKILL,
            };
            let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
            let _ = kill(pid, signal);
            let _ = child.wait();
        }
    }

    /// Whether it lets somebody in.
    fn answers(&self) -> bool {
        let url = match self.engine {
            Engine::Mysql => format!("{}/mysql", self.url()),
            _ => format!("{}/postgres", self.url()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        sqlx::any::install_default_drivers();
        let connect = <sqlx::AnyConnection as sqlx::Connection>::connect(&url);
        runtime.block_on(connect).is_ok()
    }

    fn make_mariadb(&self) {
        let data = self.dir.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        // What mariadb-install-db does, which wants a client's package.
        let mut script = "CREATE DATABASE mysql;\nUSE mysql;\n".to_owned();
        for part in ["mysql_system_tables.sql", "mysql_system_tables_data.sql"] {
            script += &std::fs::read_to_string(Path::new("/usr/share/mysql").join(part))
                .expect("mariadb-server-core is installed");
        }
        let path = self.dir.path().join("script");
        std::fs::write(&path, script).expect("a file");
        let mut command = command(Path::new("mariadbd"), None);
        command.args(MARIADB).arg("--bootstrap");
        command.arg(format!("--datadir={}", data.display()));
        command.stdin(File::open(path).expect("the script"));
        self.finish(command);
    }

    fn make_postgresql(&self) {
        if let Some(user) = self.user() {
            std::os::unix::fs::chown(self.dir.path(), Some(user), None).expect("an owner");
        }
        let mut command = command(&postgresql().join("initdb"), self.user());
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        command.args(["--locale=C.UTF-8", "--no-sync", "-D"]);
        command.arg(self.dir.path().join("data"));
        self.finish(command);
    }

    fn make_certificate(&self) {
        let mut command = command(Path::new("openssl"), self.user());
        command.args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ]);
        command.args([
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-keyout").arg(self.key());
        command.arg("-out").arg(self.certificate());
        self.finish(command);
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn finish(&self, mut command: Command) {
        let log = self.log();
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        let status = command.status().expect("the server's package is installed");
        assert!(
            status.success(),
            "{}",
            std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
        );
    }

    fn log(&self) -> File {
        File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .expect("a log")
    }

    /// PostgreSQL does not run as root: nobody does.
    fn user(&self) -> Option<u32> {
        let wanted = self.engine == Engine::Postgres && nix::unistd::geteuid().is_root();
        wanted.then(|| {
            nix::unistd::User::from_name("nobody")
                .ok()
                .flatten()
                .map_or(65534, |user| user.uid.as_raw())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The newest version's programs, where Debian has them.
fn postgresql() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    versions.pop().expect("postgresql is installed")
}

/// A command that is killed when the calling thread ends, and runs as `user`.
pub fn command(program: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        command.arg(format!("--reuid={user}"));
        command.arg("--clear-groups");
    }
    command.arg(program);
    command
}
