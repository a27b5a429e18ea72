//! Whether a machine can be a node, before anything is changed on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::hypervisor::{self, Hypervisor, OpenOptions};
use crate::roles::lock::DirectoryLock;

/// Debian's packages of a node, one a line.
const PACKAGES: &str = include_str!("../../../config/setup/run.packages");
/// Programs that a node runs; each is of one of those packages.
const PROGRAMS: [&str; 8] = [
    "libvirtd",
    "virsh",
    "qemu-system-x86_64",
    "qemu-img",
    "dnsmasq",
    "radvd",
    "nft",
    "ip",
];
/// How long the hypervisor may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fails with what is wrong and what mends it.
pub async fn check(config: &Config) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err(
            "a node makes guests and networks, which only root may: run this as root".into(),
        );
    }
    if !hypervisor::is_simulated(&config.agent.hypervisor) {
        let missing: Vec<&str> = PROGRAMS
            .into_iter()
            .filter(|name| !is_there(name))
            .collect();
        if !missing.is_empty() {
            return Err(format!(
                "{} not installed; this installs what is missing:\n  {}",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    many => format!("{} are", many.join(", ")),
                },
                apt_line()
            ));
        }
    }
    if config.data_dir.exists() {
        // Whoever has it would not let the agent in.
        DirectoryLock::take_for_node(&config.data_dir).map_err(|error| error.to_string())?;
    }
    let hypervisor = open(config).await?;
    let answer = tokio::time::timeout(PATIENCE, hypervisor.host()).await;
    let uri = &config.agent.hypervisor;
    match answer {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!(
            "{error}; `systemctl enable --now libvirtd` starts libvirt, if it is that which {uri} wants"
        )),
        Err(_) => Err(format!(
            "the hypervisor at {uri} does not answer within {} s; is libvirtd hanging?",
            PATIENCE.as_secs()
        )),
    }
}

/// The hypervisor of the settings.
pub async fn open(config: &Config) -> Result<std::sync::Arc<dyn Hypervisor>, String> {
    let opened = hypervisor::open(&config.agent.hypervisor, OpenOptions::default()).await;
    opened.map_err(|error| error.to_string())
}

/// What installs all that a node needs.
fn apt_line() -> String {
    let packages: Vec<&str> = PACKAGES.split_whitespace().collect();
    format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Whether there is such a program. Those of administrators are not in everybody's path.
pub fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .any(|dir| Path::new(&dir).join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_installs_what_is_looked_for() {
        let line = apt_line();
        for package in [
            "libvirt-daemon-system",
            "qemu-system-x86",
            "qemu-utils",
            "nftables",
        ] {
            assert!(line.contains(package), "{line}");
        }
        assert!(is_there("sh") && !is_there("no-such-program"));
    }
}
