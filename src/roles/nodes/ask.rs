//! What is asked of the control process beside which this runs.

use std::io::Write;

use tokio::net::UnixStream;

use super::NodesError;
use crate::client::Client;
use crate::compute::wire::{Node, NodeInvite};
use crate::config::Config;
use crate::depot::pin::written;
use crate::ids::Time;
use crate::roles::RoleError;
use crate::roles::console::own_client;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

async fn client(config: &Config) -> Result<Client, RoleError> {
    let socket = config.socket();
    let missing = || NodesError::NoControl {
        socket: socket.map_or("(api.listen names no unix: socket)".into(), |path| {
            path.display().to_string()
        }),
    };
    let path = socket.ok_or_else(missing)?;
    UnixStream::connect(path).await.map_err(|_| missing())?;
    own_client(&config.data_dir.join("clouds.yaml"), path)
}

/// Prints the command for the new machine, and nothing else, to standard output.
pub async fn add(config: &Config, name: &str, minutes: i64) -> Result<(), RoleError> {
    let invite = NodeInvite {
        name: name.to_owned(),
        minutes: Some(minutes),
    };
    let invitation = client(config).await?.node_add(&invite).await?;
    eprintln!("On the machine that is to be {name}, as root, once, within {minutes} minutes:");
    if invitation.fingerprint.is_none() && invitation.url.starts_with("http:") {
        eprintln!(
            "(The token and the bus's password will cross the network unencrypted; \"tls:ADDRESS:PORT\" in api.listen changes that.)"
        );
    }
    let mut line = format!(
        "echo {} | skydeck node join {}",
        invitation.token.expose(),
        invitation.url
    );
    if let Some(fingerprint) = &invitation.fingerprint {
        line.push_str(&format!(" --fingerprint {}", written(fingerprint)));
    }
    say(&line)
}

/// Prints who is there.
pub async fn list(config: &Config) -> Result<(), RoleError> {
    let nodes = client(config).await?.node_list().await?;
    let mut rows = vec![
        [
            "NAME", "ROLE", "STATE", "VERSION", "UPTIME", "REPORTED", "CLOCK", "NOTE",
        ]
        .map(str::to_owned),
    ];
    let now = Time::now();
    rows.extend(nodes.iter().map(|node| row(node, now)));
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        say(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn row(node: &Node, now: Time) -> [String; 8] {
    let ago = (now.0 - node.reported_at.0).max(0) / SECOND;
    let state = match (node.state.as_str(), node.enabled) {
        (state, true) => state.to_owned(),
        (state, false) => format!("{state}, disabled"),
    };
    let note = node.trouble.as_ref().or(node.disabled_reason.as_ref());
    [
        node.name.clone(),
        node.role.clone(),
        state,
        node.version.clone(),
        node.uptime.map_or("-".into(), |seconds| {
            span(i64::try_from(seconds).unwrap_or(i64::MAX))
        }),
        format!("{} ago", span(ago)),
        node.skew_us.map_or("-".into(), skew),
        note.cloned().unwrap_or_default(),
    ]
}

/// A time in its two largest units.
fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, ..) => format!("{hours}h{minutes:02}m"),
        _ => format!("{days}d{hours:02}h"),
    }
}

/// How far a clock is off; less than what a report takes is nothing.
fn skew(us: i64) -> String {
    match us {
        -500_000..=500_000 => "ok".into(),
        _ => format!("{:+}.{}s", us / SECOND, us.abs() % SECOND / 100_000),
    }
}

/// Forgets a node.
pub async fn remove(config: &Config, name: &str) -> Result<(), RoleError> {
    client(config).await?.node_remove(name).await?;
    eprintln!("{name} is forgotten.");
    Ok(())
}

fn say(line: &str) -> Result<(), RoleError> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_clocks_are_written_shortly() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m01s"),
            (3 * 3600 + 240, "3h04m"),
            (2 * 86_400 + 3600, "2d01h"),
        ] {
            assert_eq!(span(seconds), text);
        }
        for (us, text) in [
            (-400_000, "ok"),
            (-2_300_000, "-2.3s"),
            (61_000_000, "+61.0s"),
        ] {
            assert_eq!(skew(us), text);
        }
    }
}
