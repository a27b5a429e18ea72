//! How memory is handed out.
//!
//! What is written in Rust gets it from mimalloc: lists of a thousand servers are made of a hundred thousand small pieces,
//! and glibc takes a third longer over one.
//!
//! SQLite and libvirt get it from the C library. By itself glibc keeps eight heaps per processor, gives what one thread
//! frees to others only by chance, and learns from large blocks that were freed to keep such blocks for ever. Two heaps,
//! and large blocks that always go back to the system, cost no measurable time here.

#![expect(unsafe_code, reason = "calls the C library's mallopt")]

#[global_allocator]
static RUST: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Heaps that threads share.
const HEAPS: libc::c_int = 2;
/// Blocks of this many bytes are the system's own and go back to it; so does the free end of a heap.
const LARGE: libc::c_int = 1 << 20;

/// Sets it, before there is a second thread.
pub fn tune() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, HEAPS),
        (libc::M_MMAP_THRESHOLD, LARGE),
        (libc::M_TRIM_THRESHOLD, LARGE),
    ] {
        // SAFETY: mallopt takes two numbers and changes nothing but limits; it may be called at any time.
        unsafe { libc::mallopt(option, value) };
    }
}
