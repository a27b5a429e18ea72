//! libvirt's event loop and its callbacks: what happens to domains and to the connection, put into a channel.
//!
//! One thread runs the loop for all connections of the process, from the first to the end. Callbacks run on it and must
//! be quick: they copy what they are told and go. When the channel is full, what does not fit is dropped and
//! [`Sink::lost`] says so.

#![expect(
    unsafe_code,
    reason = "C callbacks; the safe crate has none for these events"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use virt::connect::Connect;
use virt::error::{Error, clear_error_callback};
use virt::sys;

use super::dynlink;
use crate::hypervisor::{HvError, HvResult};

/// Something libvirt said of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub domain: Uuid,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// An event of its life and its detail, as libvirt numbers them.
    Life { event: u32, detail: u32 },
    /// A device with this alias was removed.
    DeviceRemoved(String),
}

/// Where callbacks put what they are told.
pub(super) struct Sink {
    pub notices: mpsc::Sender<Notice>,
    /// Set when a notice did not fit.
    pub lost: Arc<AtomicBool>,
    /// Cancelled when the connection is closed by the other side, or answers no more.
    pub closed: CancellationToken,
}

impl Sink {
    fn put(&self, domain: sys::virDomainPtr, what: What) {
        let mut uuid = [0; sys::VIR_UUID_BUFLEN as usize];
        // SAFETY: libvirt lends the domain for the callback, the buffer has the length it wants.
        if unsafe { sys::virDomainGetUUID(domain, uuid.as_mut_ptr()) } != 0 {
            return;
        }
        let domain = Uuid::from_bytes(uuid);
        if self.notices.try_send(Notice { domain, what }).is_err() {
            self.lost.store(true, Ordering::SeqCst);
        }
    }
}

/// Makes libvirt ready in this process: loaded, silent (it would print errors over the screen), its loop running. Must
/// have succeeded before the first connection.
pub(super) fn prepare() -> HvResult<()> {
    static PREPARED: OnceLock<Result<(), String>> = OnceLock::new();
    dynlink::load()?;
    PREPARED
        .get_or_init(|| {
            virt::connect::Connect::version().map_err(|error| error.message().to_owned())?;
            clear_error_callback();
            virt::event::event_register_default_impl()
                .map_err(|error| error.message().to_owned())?;
            std::thread::Builder::new()
                .name("libvirt-events".to_owned())
                .spawn(run_loop)
                .map_err(|error| error.to_string())?;
            Ok(())
        })
        .clone()
        .map_err(|reason| HvError::Unavailable(format!("libvirt could not be set up: {reason}")))
}

fn run_loop() {
    while let Ok(()) = virt::event::event_run_default_impl() {}
    tracing::error!("libvirt's event loop ended; nothing is heard of guests until a restart");
}

/// Callbacks on a connection. Must be taken back by [`Registered::remove`], or the connection never ends.
pub(super) struct Registered {
    connection: Connect,
    events: Vec<c_int>,
    close: bool,
}

/// Puts what `connection` tells into `sink`. A driver that has no such events (the test driver knows no devices) tells
/// less.
pub(super) fn register(connection: &Connect, sink: &Arc<Sink>) -> HvResult<Registered> {
    type Generic = sys::virConnectDomainEventGenericCallback;
    type Life = unsafe extern "C" fn(
        sys::virConnectPtr,
        sys::virDomainPtr,
        c_int,
        c_int,
        *mut c_void,
    ) -> c_int;
    type Device =
        unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *const c_char, *mut c_void);
    let event = |id: u32, callback: Generic| {
        let opaque = Arc::into_raw(Arc::clone(sink)).cast_mut().cast::<c_void>();
        // SAFETY: the callback has the signature that belongs to the id; `opaque` is a counted reference that `release`
        // gives back, which libvirt calls when the callback is removed, and we when it was not taken.
        unsafe {
            let number = sys::virConnectDomainEventRegisterAny(
                connection.as_ptr(),
                std::ptr::null_mut(),
                id as c_int,
                callback,
                opaque,
                Some(release),
            );
            if number < 0 {
                release(opaque);
                return Err(Error::last_error());
            }
            Ok(number)
        }
    };
    // SAFETY: libvirt takes all callbacks as this one type, and calls each with the arguments its event id has.
    let (life, device) = unsafe {
        (
            Some(std::mem::transmute::<Life, unsafe extern "C" fn(_, _, _)>(
                life,
            )),
            Some(std::mem::transmute::<Device, unsafe extern "C" fn(_, _, _)>(device)),
        )
    };
    let mut events = vec![event(sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, life)?];
    events.extend(event(sys::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, device).ok());
    Ok(Registered {
        events,
        ..register_close(connection, sink)
    })
}

/// Cancels [`Sink::closed`] when `connection` is lost; nothing else is told.
pub(super) fn register_close(connection: &Connect, sink: &Arc<Sink>) -> Registered {
    let opaque = Arc::into_raw(Arc::clone(sink)).cast_mut().cast::<c_void>();
    // SAFETY: `closed` takes a sink; `opaque` is a counted reference, given back as above.
    let close = unsafe {
        let taken = sys::virConnectRegisterCloseCallback(
            connection.as_ptr(),
            Some(closed),
            opaque,
            Some(release),
        );
        if taken < 0 {
            release(opaque);
        }
        taken == 0
    };
    Registered {
        connection: connection.clone(),
        events: Vec::new(),
        close,
    }
}

impl Registered {
    /// Takes the callbacks back. What fails is of no interest: the connection is given up.
    pub fn remove(self) {
        let connection = &self.connection;
        // SAFETY: the connection is alive; the numbers are what registering gave for it.
        unsafe {
            for number in &self.events {
                sys::virConnectDomainEventDeregisterAny(connection.as_ptr(), *number);
            }
            if self.close {
                sys::virConnectUnregisterCloseCallback(connection.as_ptr(), Some(closed));
            }
        }
    }
}

/// # Safety
/// `opaque` must come from `Arc::into_raw` of a sink, and not be used any more.
unsafe extern "C" fn release(opaque: *mut c_void) {
    // SAFETY: by contract.
    drop(unsafe { Arc::from_raw(opaque.cast::<Sink>()) });
}

/// # Safety
/// Called by libvirt with the sink that was registered, alive until `release`.
unsafe extern "C" fn life(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: by contract.
    let sink = unsafe { &*opaque.cast::<Sink>() };
    let (event, detail) = (event as u32, detail as u32);
    sink.put(domain, What::Life { event, detail });
    0
}

/// # Safety
/// Called by libvirt with the sink that was registered, alive until `release`, and an alias.
unsafe extern "C" fn device(
    _connection: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    alias: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: by contract.
    let (sink, alias) = unsafe { (&*opaque.cast::<Sink>(), CStr::from_ptr(alias)) };
    let alias = alias.to_string_lossy().into_owned();
    sink.put(domain, What::DeviceRemoved(alias));
}

/// # Safety
/// Called by libvirt with the sink that was registered, alive until `release`.
unsafe extern "C" fn closed(_connection: sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: by contract.
    unsafe { &*opaque.cast::<Sink>() }.closed.cancel();
}
