//! A program in a real terminal: a PTY of a given size, and a VT100 that knows what is on the screen.
//!
//! Waiting is by notification: whoever waits looks at the screen after each piece of output. The terminal answers what
//! terminals answer (device attributes, cursor position), and remembers what was copied by OSC 52.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use super::process::inner_pid;
use super::wait::wait_for;

/// How long the screen may take to show what a key asked for, on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// A program in a terminal; killed when dropped.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: vt100::Parser<Extras>,
    writer: Box<dyn Write + Send>,
    bytes: u64,
    ended: bool,
}

/// What the program asked of the terminal besides drawing.
#[derive(Default)]
struct Extras {
    answers: Vec<u8>,
    clipboard: Option<String>,
}

impl vt100::Callbacks for Extras {
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.clipboard = base64::engine::general_purpose::STANDARD
            .decode(data)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        end: char,
    ) {
        match (first, params, end) {
            (None, _, 'c') => self.answers.extend(b"\x1b[?62;22c"),
            (None, [[6]], 'n') => {
                let (row, column) = screen.cursor_position();
                self.answers
                    .extend(format!("\x1b[{};{}R", row + 1, column + 1).into_bytes());
            }
            _ => {}
        }
    }
}

impl Terminal {
    /// Runs `command` in a terminal with so many columns and rows.
    pub fn start(mut command: CommandBuilder, columns: u16, rows: u16) -> Self {
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for variable in ["NO_COLOR", "COLORTERM", "TMUX", "SSH_TTY"] {
            if command
                .get_env(variable)
                .is_none_or(|value| Some(value) == std::env::var_os(variable).as_deref())
            {
                command.env_remove(variable);
            }
        }
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a pseudo terminal");
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program to start");
        drop(pair.slave);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                parser: vt100::Parser::new_with_callbacks(rows, columns, 0, Extras::default()),
                writer: pair.master.take_writer().expect("a writer"),
                bytes: 0,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let reader = pair.master.try_clone_reader().expect("a reader");
        std::thread::spawn({
            let shared = shared.clone();
            move || shared.follow(reader)
        });
        Self {
            master: pair.master,
            child,
            shared,
        }
    }

    /// Types text. Names in angle brackets are keys: `<enter>` `<esc>` `<tab>` `<s-tab>` `<space>` `<backspace>`
    /// `<delete>` `<up>` `<down>` `<left>` `<right>` `<home>` `<end>` `<pgup>` `<pgdn>` `<lt>` for `<`, and `<c-x>`
    /// for control with x.
    #[track_caller]
    pub fn send_keys(&self, keys: &str) {
        let bytes = encode(keys);
        let mut state = self.shared.lock();
        state
            .writer
            .write_all(&bytes)
            .and_then(|()| state.writer.flush())
            .expect("the program to take keys");
    }

    /// What is on the screen, a line per row, without spaces at the ends.
    pub fn contents(&self) -> String {
        self.screen(|screen| screen.contents())
    }

    /// Looks at the screen: colours, cursor, modes.
    pub fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.lock().parser.screen())
    }

    /// What the program last copied with OSC 52.
    pub fn clipboard(&self) -> Option<String> {
        self.shared.lock().parser.callbacks().clipboard.clone()
    }

    /// Bytes the program has written since it started.
    pub fn bytes_written(&self) -> u64 {
        self.shared.lock().bytes
    }

    /// Waits until the text is on the screen.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.wait_until(&format!("the text {text:?}"), DEADLINE, |screen| {
            screen.contents().contains(text)
        });
    }

    /// Waits until the text is not on the screen.
    #[track_caller]
    pub fn wait_for_no_text(&self, text: &str) {
        self.wait_until(&format!("the text {text:?} to go"), DEADLINE, |screen| {
            !screen.contents().contains(text)
        });
    }

    /// Waits until the screen is as `condition` wants it; panics with the screen when it is not within `deadline`.
    #[track_caller]
    pub fn wait_until(
        &self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut(&vt100::Screen) -> bool,
    ) {
        let start = Instant::now();
        let mut state = self.shared.lock();
        loop {
            if condition(state.parser.screen()) {
                return;
            }
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() || state.ended {
                let why = if state.ended {
                    "the program ended; waited"
                } else {
                    "waited in vain"
                };
                panic!(
                    "{why} for {what}; the screen:\n{}",
                    state.parser.screen().contents()
                );
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Changes the terminal's size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut state = self.shared.lock();
        state.parser.screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).expect("a resize");
    }

    /// Waits until the program has ended and all its output was seen.
    #[track_caller]
    pub fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let status = wait_for(
            &format!("the program to end; the screen:\n{}", self.contents()),
            deadline,
            || self.child.try_wait().expect("its status"),
        );
        wait_for("the end of the output", deadline, || {
            self.shared.lock().ended.then_some(())
        });
        status
    }

    /// Sends a signal to the program itself, also when it runs inside a machine.
    pub fn signal(&self, signal: Signal) {
        let outer = self.child.process_id().expect("its process id");
        let pid = inner_pid(outer).unwrap_or(Pid::from_raw(outer.cast_signed()));
        kill(pid, signal).expect("the program to run");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(pid) = self.child.process_id().and_then(inner_pid) {
                let _ = kill(pid, Signal::SIGKILL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in output until there is no more.
    fn follow(&self, mut reader: Box<dyn Read + Send>) {
        let mut buffer = [0; 16 * 1024];
        loop {
            // A PTY whose other side is closed answers with an error.
            let count = reader.read(&mut buffer).unwrap_or(0);
            let mut state = self.lock();
            state.bytes += count as u64;
            state.ended = count == 0;
            state.parser.process(&buffer[..count]);
            let answers = std::mem::take(&mut state.parser.callbacks_mut().answers);
            if !answers.is_empty() {
                // The program may be gone before its answer comes.
                let _ = state.writer.write_all(&answers);
            }
            self.changed.notify_all();
            if state.ended {
                return;
            }
        }
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// The bytes a terminal sends for these keys.
#[track_caller]
fn encode(keys: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = keys;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').expect("a key's name ends with >") + at;
        bytes.extend(rest[..at].bytes());
        bytes.extend(key(&rest[at + 1..end]));
        rest = &rest[end + 1..];
    }
    bytes.extend(rest.bytes());
    bytes
}

#[track_caller]
fn key(name: &str) -> Vec<u8> {
    let bytes: &[u8] = match name {
        "enter" => b"\r",
        "esc" => b"\x1b",
        "tab" => b"\t",
        "s-tab" => b"\x1b[Z",
        "space" => b" ",
        "backspace" => b"\x7f",
        "delete" => b"\x1b[3~",
        "up" => b"\x1b[A",
        "down" => b"\x1b[B",
        "right" => b"\x1b[C",
        "left" => b"\x1b[D",
        "home" => b"\x1b[H",
        "end" => b"\x1b[F",
        "pgup" => b"\x1b[5~",
        "pgdn" => b"\x1b[6~",
        "lt" => b"<",
        _ => match name.strip_prefix("c-").map(str::as_bytes) {
            Some([letter]) => return vec![letter & 0x1f],
            _ => panic!("no key is called <{name}>"),
        },
    };
    bytes.to_vec()
}
