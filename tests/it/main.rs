//! All integration tests, one binary: they share the harness in [`lab`], and link once.
//!
//! Most need root and the packages that `make setup-test` installs, for they start a libvirtd of their own and boot
//! guests. They never touch the machine's libvirtd, networks or data.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says where"
)]

mod fleet;
mod hypervisor;
mod journey;
mod lab;
mod network;
mod tidy;
