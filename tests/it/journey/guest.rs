//! What the test guest says and shows; its lines are explained in `tests/guest/init`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use skydeck::client::Client;

use super::cloud::{Cloud, PATIENCE};
use crate::lab::wait::wait_for_async;

/// What a guest says when it is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its host name.
    pub name: String,
    /// Address of its first interface.
    pub address: String,
    /// Where its metadata came from.
    pub source: String,
    /// How often this disk was booted.
    pub boots: u32,
    /// Size of its root disk in sectors of 512 bytes.
    pub sectors: u64,
}

impl Ready {
    /// Reads the line by which a guest says that it is up.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.split_once("GUEST-READY ")?.1;
        let field = |name: &str| {
            line.split_whitespace().find_map(|word| {
                word.strip_prefix(name)?
                    .strip_prefix('=')
                    .map(str::to_owned)
            })
        };
        // The last of the line: without it the rest is on its way yet.
        field("up")?;
        Some(Self {
            name: field("name")?,
            address: field("eth0")?.split('/').next()?.to_owned(),
            source: field("src")?,
            boots: field("boots")?.parse().ok()?,
            sectors: field("sectors")?.parse().ok()?,
        })
    }
}

/// The last line of a guest's log of which `look` makes something.
pub async fn wait_said<T>(
    client: &Client,
    id: &str,
    what: &str,
    look: impl Fn(&str) -> Option<T>,
) -> T {
    wait_for_async(&format!("the guest to say {what}"), PATIENCE, async || {
        let log = client.console_log_show(id, None).await.expect("its log");
        log.lines().rev().find_map(&look)
    })
    .await
}

/// Waits until a guest is up, its disk booted for the `boots`th time.
pub async fn wait_ready(cloud: &Cloud, id: &str, boots: u32) -> Ready {
    let what = format!("that it is ready, boot {boots}");
    wait_said(&cloud.client(), id, &what, |line| {
        Ready::parse(line).filter(|ready| ready.boots == boots)
    })
    .await
}

/// A key to log in to guests with.
pub struct Key {
    file: PathBuf,
}

impl Key {
    /// Keeps the private key where ssh finds it.
    pub fn new(cloud: &Cloud, private: &str) -> Self {
        let file = cloud.machine.dir().join("key");
        std::fs::write(&file, private).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self { file }
    }

    /// Runs a line in the guest at this address, from the host.
    #[track_caller]
    pub fn ssh(&self, cloud: &Cloud, address: &str, line: &str) -> String {
        let (key, target) = (self.file.display().to_string(), format!("root@{address}"));
        cloud.machine.run(&[
            "ssh",
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oLogLevel=ERROR",
            "-oBatchMode=yes",
            "-oConnectTimeout=30",
            "-i",
            &key,
            &target,
            line,
        ])
    }
}

/// Types a line into a guest's serial console and reads until the answer holds `wanted`.
pub async fn type_in(client: &Client, id: &str, line: &str, wanted: &str) {
    let mut console = client.console_open(id).await.expect("a console");
    console
        .send(Bytes::from(format!("\n{line}\n")))
        .await
        .expect("the guest to take keys");
    let mut heard = String::new();
    let answer = async {
        while !heard.contains(wanted) {
            let bytes = console
                .receive()
                .await
                .expect("the console to stay open")
                .expect("its bytes");
            heard.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), answer).await;
    assert!(
        in_time.is_ok(),
        "the guest did not answer {wanted:?} but:\n{heard}"
    );
}
