//! Compute's SQL, by what it is about.

pub(super) mod claim;
pub(super) mod flavor;
pub(super) mod host;
pub(super) mod keypair;
