//! How the C library hands out memory.
//!
//! By itself glibc keeps eight heaps per processor, gives what one thread frees to others only by chance, and learns from
//! large blocks that were freed (a password's hash, a long list) to keep such blocks for ever. A process with many threads
//! and short bursts then holds several times what it uses: with 1,000 servers, 190 MiB instead of 65. Two heaps, and
//! large blocks that always go back to the system, cost no measurable time here.

#![expect(unsafe_code, reason = "calls the C library's mallopt")]

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
