//! One end of a guest's serial line, over libvirt's streams.
//!
//! The stream does not block: its callback, on libvirt's event thread, moves what has come into a bounded channel and
//! stops listening while that is full. (A thread that blocks in receiving could not be called off safely.)

#![expect(
    unsafe_code,
    reason = "the safe crate moves a stream while C holds its address"
)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

use crate::hypervisor::HvResult;

/// Bytes taken from the line at a time.
const CHUNK: usize = 4096;

const LISTEN: u32 =
    sys::VIR_STREAM_EVENT_READABLE | sys::VIR_STREAM_EVENT_ERROR | sys::VIR_STREAM_EVENT_HANGUP;
const REST: u32 = sys::VIR_STREAM_EVENT_ERROR | sys::VIR_STREAM_EVENT_HANGUP;

/// An open line. Dropping it closes the line, which may block: drop it on a thread that may.
pub(super) struct Line {
    stream: sys::virStreamPtr,
    ear: Arc<Ear>,
}

// SAFETY: libvirt's streams are counted and locked; all their functions may be called from any thread.
unsafe impl Send for Line {}
// SAFETY: as above.
unsafe impl Sync for Line {}

/// What the callback knows.
struct Ear {
    heard: mpsc::Sender<Vec<u8>>,
    /// The callback stopped listening because `heard` was full.
    resting: AtomicBool,
    /// Nothing more will come.
    ended: CancellationToken,
}

impl Line {
    /// Opens the first console of the domain and takes it from whoever has it. What comes goes to `heard`; `ended` is
    /// cancelled when the line is closed by the other side.
    pub fn open(
        connection: &Connect,
        domain: &Domain,
        heard: mpsc::Sender<Vec<u8>>,
        ended: CancellationToken,
    ) -> HvResult<Self> {
        // SAFETY: the connection is alive.
        let stream = unsafe { sys::virStreamNew(connection.as_ptr(), sys::VIR_STREAM_NONBLOCK) };
        if stream.is_null() {
            return Err(Error::last_error().into());
        }
        // From here on dropping the line frees the stream.
        let line = Self {
            stream,
            ear: Arc::new(Ear {
                heard,
                resting: AtomicBool::new(false),
                ended,
            }),
        };
        let opaque = Arc::into_raw(Arc::clone(&line.ear)).cast_mut();
        // SAFETY: domain and stream are alive; `opaque` is a counted reference that `release` gives back, which libvirt
        // calls when the callback is removed, and we when it was not taken.
        unsafe {
            let opened = sys::virDomainOpenConsole(
                domain.as_ptr(),
                ptr::null(),
                stream,
                sys::VIR_DOMAIN_CONSOLE_FORCE,
            );
            let taken = if opened < 0 {
                opened
            } else {
                sys::virStreamEventAddCallback(
                    stream,
                    LISTEN as c_int,
                    Some(stirred),
                    opaque.cast(),
                    Some(release),
                )
            };
            if taken < 0 {
                let error = Error::last_error();
                release(opaque.cast());
                return Err(error.into());
            }
        }
        Ok(line)
    }

    /// Says that there is room again: listens if the callback had stopped for want of it.
    pub fn room(&self) {
        self.ear.room(self.stream);
    }

    /// Puts bytes on the line; answers how many were taken. May block for as long as the daemon hangs.
    pub fn send(&self, bytes: &[u8]) -> HvResult<usize> {
        // SAFETY: the stream is alive, the buffer has the length said.
        let sent = unsafe { sys::virStreamSend(self.stream, bytes.as_ptr().cast(), bytes.len()) };
        match sent {
            // Would block: nothing was taken.
            -2 => Ok(0),
            -1 => Err(Error::last_error().into()),
            sent => Ok(sent as usize),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // SAFETY: the stream is alive until it is freed here. What fails is of no interest: a line that the other side
        // closed has nothing to abort, one that was never opened no callback.
        unsafe {
            sys::virStreamEventRemoveCallback(self.stream);
            sys::virStreamAbort(self.stream);
            sys::virStreamFree(self.stream);
        }
    }
}

impl Ear {
    fn room(&self, stream: sys::virStreamPtr) {
        if self.resting.swap(false, Ordering::SeqCst) {
            listen(stream, LISTEN);
        }
    }

    /// Takes what has come, until there is no more, or no room.
    fn take(&self, stream: sys::virStreamPtr) {
        let mut buffer = [0u8; CHUNK];
        loop {
            let Ok(place) = self.heard.try_reserve() else {
                // Stop first, then say so, then look again: whoever makes room sees one or the other.
                listen(stream, REST);
                self.resting.store(true, Ordering::SeqCst);
                if self.heard.capacity() > 0 {
                    self.room(stream);
                }
                return;
            };
            // SAFETY: libvirt lends the stream for the callback, the buffer has the length said.
            let count =
                unsafe { sys::virStreamRecv(stream, buffer.as_mut_ptr().cast(), buffer.len()) };
            match count {
                -2 => return,
                1.. => place.send(buffer[..count as usize].to_vec()),
                _ => return self.end(stream),
            }
        }
    }

    fn end(&self, stream: sys::virStreamPtr) {
        listen(stream, 0);
        self.ended.cancel();
    }
}

fn listen(stream: sys::virStreamPtr, events: u32) {
    // SAFETY: only called while the stream is alive. It fails when the callback is gone, and then nobody listens anyway.
    unsafe { sys::virStreamEventUpdateCallback(stream, events as c_int) };
}

/// # Safety
/// `opaque` must come from `Arc::into_raw` of an ear, and not be used any more.
unsafe extern "C" fn release(opaque: *mut c_void) {
    // SAFETY: by contract.
    drop(unsafe { Arc::from_raw(opaque.cast::<Ear>()) });
}

/// # Safety
/// Called by libvirt with the ear that was registered, alive until `release`.
unsafe extern "C" fn stirred(stream: sys::virStreamPtr, events: c_int, opaque: *mut c_void) {
    // SAFETY: by contract.
    let ear = unsafe { &*opaque.cast::<Ear>() };
    let events = events as u32;
    if events & sys::VIR_STREAM_EVENT_READABLE != 0 {
        ear.take(stream);
    } else if events & REST != 0 {
        ear.end(stream);
    }
}
