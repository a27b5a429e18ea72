//! The small guest the tests boot; `tests/guest` says what it does.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The guest's disk as qcow2; built when it is not there. Do not write to it: make an overlay or a copy.
pub fn qcow2() -> PathBuf {
    cache().join("guest.qcow2")
}

/// The same disk, raw.
pub fn raw() -> PathBuf {
    cache().join("guest.raw")
}

fn cache() -> &'static PathBuf {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guest/build"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/guest/build");
        assert!(output.status.success(), "the test guest could not be built");
        let text = String::from_utf8(output.stdout).unwrap();
        PathBuf::from(text.lines().last().expect("the directory"))
    })
}
