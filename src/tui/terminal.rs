//! The terminal while it is ours, and giving it back in every case: quit, error, panic, suspend, signals.
//!
//! [`Terminal`] takes raw mode and the alternate screen when it is made and gives them back when it is dropped.
//! A panic in update or drawing gives them back first, so that its message can be read; a panic elsewhere in the process
//! goes to the log and the console stays: the hook tells them apart by [`in_console`]'s mark on the thread.
//!
//! A console that was killed (signal 9) gives nothing back. The next one does: it finds the terminal raw and takes that for
//! what was left behind, so that it leaves lines, echo and the main screen.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// Alternate screen, bracketed paste; no mouse.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?25l";
/// The reverse: end of synchronized output, plain pen, cursor visible, paste as usual, main screen.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[m\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

thread_local! {
    static IN_CONSOLE: Cell<bool> = const { Cell::new(false) };
}

/// The terminal while it is ours.
pub struct Terminal {
    out: io::Stdout,
}

impl Terminal {
    /// Takes the terminal.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(install_hook);
        let mut terminal = Self { out: io::stdout() };
        terminal.enter()?;
        Ok(terminal)
    }

    fn enter(&mut self) -> io::Result<()> {
        mend_left_behind();
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        self.write(ENTER)
    }

    /// Writes bytes, all at once. Blocks while the terminal does not take them, which is what holds the console back on
    /// a slow line.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Gives the terminal to the shell and stops this process and those it was started with, as the key does in other
    /// programs. The stop may come a moment after this returns; [`Self::retake`] is for when it is over.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        let group = nix::unistd::Pid::from_raw(0);
        nix::sys::signal::kill(group, nix::sys::signal::Signal::SIGTSTP)?;
        Ok(())
    }

    /// Takes the terminal again after the process was stopped and continued, whoever stopped it.
    pub fn retake(&mut self) -> io::Result<()> {
        give_back();
        self.enter()
    }

    /// Columns and rows.
    pub fn size() -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is ours.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // There is nobody left to tell of an error.
        let _ = out.write_all(LEAVE).and_then(|()| out.flush());
        let _ = disable_raw_mode();
    }
}

/// Gives a raw terminal lines and echo again: what is found when raw mode is taken is what will be given back.
fn mend_left_behind() {
    use nix::sys::termios::{InputFlags, LocalFlags, OutputFlags, SetArg, tcgetattr, tcsetattr};
    let input = io::stdin();
    // What is no terminal has no modes.
    let Ok(mut modes) = tcgetattr(&input) else {
        return;
    };
    let lines = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
    if modes.local_flags.intersects(lines) {
        return;
    }
    modes.local_flags |= lines | LocalFlags::IEXTEN | LocalFlags::ECHOE | LocalFlags::ECHOK;
    modes.input_flags |= InputFlags::ICRNL | InputFlags::IXON | InputFlags::BRKINT;
    modes.output_flags |= OutputFlags::OPOST | OutputFlags::ONLCR;
    if let Err(error) = tcsetattr(&input, SetArg::TCSANOW, &modes) {
        tracing::warn!(%error, "the terminal was left raw by another program and stays so");
    }
}

fn install_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !OURS.load(Ordering::SeqCst) {
            before(info);
        } else if IN_CONSOLE.get() {
            give_back();
            before(info);
        } else {
            tracing::error!(panic = %info, "a part of the program failed; the console goes on");
        }
    }));
}

/// Runs update or drawing, marked so that a panic in it gives the terminal back.
pub fn in_console<T>(work: impl FnOnce() -> T) -> T {
    let before = IN_CONSOLE.replace(true);
    let result = work();
    IN_CONSOLE.set(before);
    result
}

/// The sequence that puts `text` into the clipboard of the operator's terminal (OSC 52); inside tmux wrapped so that it
/// is passed on. `None` if the text is longer than terminals take.
pub fn copy_sequence(text: &str, in_tmux: bool) -> Option<Vec<u8>> {
    use base64::Engine;
    const LONGEST: usize = 74_994;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > LONGEST {
        return None;
    }
    let plain = format!("\x1b]52;c;{encoded}\x07");
    let sequence = if in_tmux {
        // Plain for tmux's own clipboard handling, wrapped for the terminal around it.
        format!("{plain}\x1bPtmux;\x1b{plain}\x1b\\")
    } else {
        plain
    };
    Some(sequence.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set for a test that [`in_terminal`] runs.
    const INSIDE: &str = "SKYDECK_TEST_IN_TERMINAL";

    fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// What a test of this module says when it runs alone in a terminal.
    fn in_terminal(test: &str) -> String {
        use std::io::Read;
        let pair = portable_pty::native_pty_system()
            .openpty(portable_pty::PtySize::default())
            .unwrap();
        let mut command = portable_pty::CommandBuilder::new(std::env::current_exe().unwrap());
        let test = format!("tui::terminal::tests::{test}");
        command.args(["--exact", &test, "--nocapture"]);
        command.env(INSIDE, "1");
        command.env("RUST_BACKTRACE", "0");
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut seen = Vec::new();
        // Ends with an error when the last who has the terminal is gone.
        let _ = pair
            .master
            .try_clone_reader()
            .unwrap()
            .read_to_end(&mut seen);
        child.wait().unwrap();
        String::from_utf8_lossy(&seen).into_owned()
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_its_message() {
        if is_inside() {
            let before = modes();
            let terminal = Terminal::take().unwrap();
            assert_ne!(modes(), before);
            let drawing = || in_console(|| panic!("a defect in drawing"));
            assert!(std::panic::catch_unwind(drawing).is_err());
            writeln!(io::stdout(), "modes as before: {}", modes() == before).unwrap();
            drop(terminal);
            return;
        }
        let seen = in_terminal("a_panic_gives_the_terminal_back_before_its_message");
        let at = |part: &[u8]| {
            let part = std::str::from_utf8(part).unwrap();
            seen.find(part)
                .unwrap_or_else(|| panic!("{part:?} is not in {seen:?}"))
        };
        assert!(at(ENTER) < at(LEAVE), "{seen:?}");
        assert!(at(LEAVE) < at(b"a defect in drawing"), "{seen:?}");
        assert!(seen.contains("modes as before: true"), "{seen:?}");
    }

    #[test]
    fn a_terminal_that_was_left_raw_has_lines_again_afterwards() {
        use nix::sys::termios::{LocalFlags, SetArg, cfmakeraw, tcsetattr};
        if is_inside() {
            let mut raw = modes();
            cfmakeraw(&mut raw);
            tcsetattr(io::stdin(), SetArg::TCSANOW, &raw).unwrap();
            drop(Terminal::take().unwrap());
            let lines = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
            let found = modes().local_flags.contains(lines);
            writeln!(io::stdout(), "lines and echo: {found}").unwrap();
            return;
        }
        let seen = in_terminal("a_terminal_that_was_left_raw_has_lines_again_afterwards");
        assert!(seen.contains("lines and echo: true"), "{seen:?}");
    }

    fn modes() -> nix::sys::termios::Termios {
        nix::sys::termios::tcgetattr(io::stdin()).unwrap()
    }

    #[test]
    fn the_clipboard_is_reached_through_tmux() {
        let plain = copy_sequence("id", false).unwrap();
        assert_eq!(plain, b"\x1b]52;c;aWQ=\x07");
        let wrapped = String::from_utf8(copy_sequence("id", true).unwrap()).unwrap();
        assert!(wrapped.ends_with("\x1bPtmux;\x1b\x1b]52;c;aWQ=\x07\x1b\\"));
        assert!(copy_sequence(&"x".repeat(100_000), false).is_none());
    }
}
