//! The serial line of a simulated guest: a boot log and a small shell.
//!
//! Whoever opens the line sees what the guest has written since it was started, and the rest as it comes. The shell
//! knows a few commands and echoes what is typed; `poweroff` and `reboot` do what they say.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::guest::Guest;
use crate::ids::Time;

/// The longest line the shell takes.
const LINE: usize = 512;

/// What the guest is, for its texts.
pub(super) struct Facts {
    pub name: String,
    pub vcpus: u32,
    pub memory_mb: u64,
    pub disks: usize,
    pub nics: Vec<String>,
    /// When it was switched on.
    pub booted: Time,
}

impl Facts {
    pub fn of(guest: &Guest) -> Self {
        let spec = guest.spec();
        Self {
            name: host_name(&spec.title),
            vcpus: spec.vcpus,
            memory_mb: spec.memory_mb,
            disks: spec.disks.len(),
            nics: spec.nics.iter().map(|nic| nic.mac.clone()).collect(),
            booted: guest.booted.unwrap_or_else(Time::now),
        }
    }

    /// Lines of the boot, each with the milliseconds after which it comes.
    pub fn boot_log(&self) -> Vec<(u64, String)> {
        let mut log = Log::default();
        log.say(
            0,
            "Linux version 6.1.0-skydeck-sim (simulated) #1 SMP PREEMPT_DYNAMIC",
        );
        log.say(0, "Command line: root=/dev/vda1 ro console=ttyS0,115200");
        log.say(2, "Hypervisor detected: simulated");
        log.say(
            40,
            &format!(
                "Memory: {}K/{}K available",
                self.memory_mb * 940,
                self.memory_mb * 1024
            ),
        );
        log.say(90, &format!("smp: Brought up 1 node, {} CPUs", self.vcpus));
        for index in 0..self.disks {
            let letter = char::from(b'a' + (index % 26) as u8);
            log.say(60, &format!("virtio_blk virtio{index}: [vd{letter}] ready"));
        }
        for (index, mac) in self.nics.iter().enumerate() {
            log.say(45, &format!("virtio_net virtio: eth{index}: {mac}"));
        }
        log.say(
            180,
            "EXT4-fs (vda1): mounted filesystem with ordered data mode",
        );
        log.say(120, "systemd[1]: Detected virtualization simulated.");
        for unit in [
            "Journal Service",
            "Network Configuration",
            "Initial cloud-init job",
            "OpenSSH server",
            "Multi-User System",
        ] {
            log.plain(160, &format!("[  OK  ] Started {unit}."));
        }
        log.plain(50, "");
        log.lines
    }
}

#[derive(Default)]
struct Log {
    at: u64,
    lines: Vec<(u64, String)>,
}

impl Log {
    fn say(&mut self, after: u64, text: &str) {
        self.at += after;
        let (seconds, rest) = (self.at / 1000, self.at % 1000);
        self.lines
            .push((self.at, format!("[{seconds:5}.{rest:03}000] {text}")));
    }

    fn plain(&mut self, after: u64, text: &str) {
        self.at += after;
        self.lines.push((self.at, text.to_owned()));
    }
}

/// How a session on the line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The other side went away.
    Closed,
    /// `poweroff` was typed.
    PowerOff,
    /// `reboot` was typed.
    Reboot,
}

/// Serves one session: the boot log so far at once, the rest when it is due, then the shell.
pub(super) async fn serve(mut line: DuplexStream, facts: &Facts) -> Ended {
    if boot(&mut line, facts).await.is_err() {
        return Ended::Closed;
    }
    shell(&mut line, facts).await.unwrap_or(Ended::Closed)
}

async fn boot(line: &mut DuplexStream, facts: &Facts) -> std::io::Result<()> {
    for (due, text) in facts.boot_log() {
        let passed = Time::now().0.saturating_sub(facts.booted.0) / 1000;
        let wait = (due as i64).saturating_sub(passed);
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait as u64)).await;
        }
        line.write_all(format!("{text}\r\n").as_bytes()).await?;
    }
    Ok(())
}

async fn shell(line: &mut DuplexStream, facts: &Facts) -> std::io::Result<Ended> {
    let prompt = format!("root@{}:~# ", facts.name);
    line.write_all(prompt.as_bytes()).await?;
    let mut typed = String::new();
    let mut buffer = [0; 256];
    loop {
        let count = line.read(&mut buffer).await?;
        if count == 0 {
            return Ok(Ended::Closed);
        }
        for &byte in &buffer[..count] {
            match byte {
                b'\r' | b'\n' => {
                    line.write_all(b"\r\n").await?;
                    let (answer, ended) = run(typed.trim(), facts);
                    line.write_all(answer.replace('\n', "\r\n").as_bytes())
                        .await?;
                    if let Some(ended) = ended {
                        return Ok(ended);
                    }
                    typed.clear();
                    line.write_all(prompt.as_bytes()).await?;
                }
                3 => {
                    typed.clear();
                    line.write_all(format!("^C\r\n{prompt}").as_bytes()).await?;
                }
                8 | 127 if typed.pop().is_some() => line.write_all(b"\x08 \x08").await?,
                32..=126 if typed.len() < LINE => {
                    typed.push(char::from(byte));
                    line.write_all(&[byte]).await?;
                }
                _ => {}
            }
        }
    }
}

/// What the shell answers to a line, and whether that ends the session.
fn run(typed: &str, facts: &Facts) -> (String, Option<Ended>) {
    let (command, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let answer = match command {
        "" => String::new(),
        "echo" => format!("{rest}\n"),
        "hostname" => format!("{}\n", facts.name),
        "uname" => "Linux\n".to_owned(),
        "nproc" => format!("{}\n", facts.vcpus),
        "date" => format!("{}\n", Time::now()),
        "uptime" => {
            let seconds = Time::now().0.saturating_sub(facts.booted.0) / 1_000_000;
            format!(" up {} min\n", seconds / 60)
        }
        "free" => format!("Mem: {} MiB\n", facts.memory_mb),
        "clear" => "\x1b[H\x1b[2J".to_owned(),
        "help" => "echo hostname uname nproc date uptime free clear poweroff reboot\n".to_owned(),
        "poweroff" => return ("reboot: Power down\n".to_owned(), Some(Ended::PowerOff)),
        "reboot" => {
            return (
                "reboot: Restarting system\n".to_owned(),
                Some(Ended::Reboot),
            );
        }
        _ => format!("-sh: {command}: not found (this guest is simulated; try help)\n"),
    };
    (answer, None)
}

/// A host name made of a title that may hold anything.
fn host_name(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(32)
        .collect();
    match name.trim_matches('-') {
        "" => "guest".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            name: host_name("Web 1!"),
            vcpus: 2,
            memory_mb: 512,
            disks: 1,
            nics: vec!["fa:16:3e:00:00:01".into()],
            booted: Time(0),
        }
    }

    #[tokio::test]
    async fn the_line_shows_the_boot_and_then_echoes_and_obeys() {
        let (mut user, guest) = tokio::io::duplex(1 << 16);
        let served = tokio::spawn(async move { serve(guest, &facts()).await });
        user.write_all(b"echo hallo\x7f\r\npoweroff\r")
            .await
            .unwrap();
        let mut seen = String::new();
        user.read_to_string(&mut seen).await.unwrap();
        for part in [
            "Linux version",
            "virtio_net",
            "root@web-1:~# ",
            "\r\nhall\r\n",
            "Power down",
        ] {
            assert!(seen.contains(part), "{part:?} in {seen}");
        }
        assert_eq!(served.await.unwrap(), Ended::PowerOff);
    }
}
