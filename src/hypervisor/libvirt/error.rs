//! From libvirt's errors to what a caller may do about them.

use virt::error::{Error, ErrorDomain, ErrorNumber};

use crate::hypervisor::HvError;

impl From<Error> for HvError {
    fn from(error: Error) -> Self {
        use ErrorNumber as N;
        let message = error.message().to_owned();
        let code = error.code();
        let is = |numbers: &[N]| numbers.iter().any(|number| code.is(*number));
        // The transport speaks with its own domain: the daemon went away, or never answered.
        let transport = [ErrorDomain::Rpc, ErrorDomain::Remote]
            .iter()
            .any(|domain| error.domain().is(*domain));
        if is(&[N::NoDomain, N::DeviceMissing]) {
            HvError::NotFound(message)
        } else if is(&[N::OperationInvalid]) {
            // Which state that is, only the guest can tell: see `Guest::explain`.
            HvError::WrongState {
                state: String::new(),
                what: message,
            }
        } else if is(&[
            N::Rpc,
            N::NoConnect,
            N::InvalidConn,
            N::OperationTimeout,
            N::ResourceBusy,
        ]) || (transport && is(&[N::SystemError, N::InternalError, N::AuthFailed]))
        {
            HvError::Unavailable(message)
        } else if is(&[N::NoSupport]) {
            HvError::Unsupported("do that: its libvirt driver has no such function")
        } else {
            HvError::Refused(message)
        }
    }
}
