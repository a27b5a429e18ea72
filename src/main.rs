//! Arguments → role.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use color_eyre::eyre::{Result, WrapErr};
use skydeck::config::{Config, Sources};
use skydeck::roles;

/// A whole private cloud in one binary, run from a terminal.
///
/// Without a command: the console. It attaches to the control process of this machine if one runs, and otherwise is
/// one itself.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Common {
    /// Read this file after the system's and the user's.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, images, volumes, sockets and logs.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Show everything, change nothing.
    #[arg(long, global = true)]
    read_only: bool,
    /// Directory of the log files; default: log in the data directory.
    #[arg(long, global = true, value_name = "DIR")]
    log: Option<PathBuf>,
    /// The console on a cloud of clouds.yaml instead of this machine's.
    #[arg(long, value_name = "NAME")]
    cloud: Option<String>,
    /// Draw with ASCII only.
    #[arg(long, global = true)]
    ascii: bool,
    /// Colours: a name from the themes, like dark or light.
    #[arg(long, global = true, value_name = "NAME")]
    theme: Option<String>,
}

#[derive(Subcommand)]
enum Role {
    /// A control process without a screen.
    Server,
    /// A compute node by itself, for control processes elsewhere (bus.url says where).
    Agent,
    /// The console on a simulated fleet; nothing is kept.
    Demo(roles::demo::Fleet),
    /// Machines that are nodes: invite, list, remove; join and leave.
    #[command(subcommand)]
    Node(roles::nodes::NodeCommand),
    /// Work on the database while no control process runs.
    #[command(subcommand)]
    Db(DbCommand),
}

#[derive(Subcommand)]
enum DbCommand {
    /// Copy everything into an empty database of any engine, and compare.
    ///
    /// FROM and TO are URLs (sqlite:///PATH, mysql://USER@HOST/NAME, postgres://USER@HOST/NAME), @FILE for a file with a
    /// URL in it, which a URL with a password has to be, or a dot for the database of the settings.
    Copy {
        /// The database with the cloud in it.
        from: String,
        /// An empty database; a file of SQLite is made.
        to: String,
    },
}

fn main() -> ExitCode {
    roles::allocator::tune();
    // Errors are for operators: no source locations, no hint at backtraces.
    let hooks = color_eyre::config::HookBuilder::default()
        .display_env_section(false)
        .install();
    if let Err(error) = hooks.and_then(|()| run(Arguments::parse())) {
        // The last thing a process says; the screen is restored by now.
        eprintln!("skydeck: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(arguments: Arguments) -> Result<()> {
    // One provider of cryptography for everything that speaks TLS. A second call finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let common = arguments.common;
    let mut flags = Vec::new();
    if let Some(path) = &common.data_dir {
        flags.push(("data_dir".to_owned(), path.display().to_string()));
    }
    if common.ascii {
        flags.push(("console.ascii".to_owned(), "true".to_owned()));
    }
    if let Some(theme) = &common.theme {
        flags.push(("console.theme".to_owned(), theme.clone()));
    }
    let written = matches!(&arguments.role, Some(Role::Node(command)) if command.writes_config());
    let file = common.config.clone().filter(|_| !written);
    let config = Config::load(&Sources::standard(file, flags))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .wrap_err("the runtime does not start")?;
    let log = |config: &Config| {
        common
            .log
            .clone()
            .unwrap_or_else(|| config.data_dir.join("log"))
    };
    let outcome = runtime.block_on(async {
        match (arguments.role, common.cloud) {
            (Some(Role::Server), _) => {
                // Before the log, which makes its own directory in it.
                roles::data_directory(&config.data_dir)?;
                let _log = roles::logging::start(&log(&config), &config.log.level, true)?;
                roles::server::run(config).await
            }
            (Some(Role::Agent), _) => {
                roles::data_directory(&config.data_dir)?;
                let _log = roles::logging::start(&log(&config), &config.log.level, true)?;
                roles::agent::run(config).await
            }
            (Some(Role::Demo(fleet)), _) => {
                roles::demo::run(config, &fleet, common.read_only, common.log.clone()).await
            }
            (Some(Role::Node(command)), _) => {
                let (file, log) = (common.config.clone(), common.log.clone());
                roles::nodes::run(config, &command, file, log).await
            }
            (Some(Role::Db(DbCommand::Copy { from, to })), _) => {
                roles::copy::run(&config, &from, &to).await
            }
            (None, Some(name)) => roles::console::remote(&config, &name, common.read_only).await,
            (None, None) => {
                let log = log(&config);
                roles::console::local(config, &log, common.read_only).await
            }
        }
    });
    // A hung call into the hypervisor must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(outcome?)
}
