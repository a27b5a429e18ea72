//! Images: bytes that servers boot from.
//!
//! An image is a row and, once it has its bytes, a file in the store (`image.dir`). **Invariant: a row is `active`
//! only if its whole file lies there under its id, flushed, and its hashes are those of the row.** So the order of an
//! upload is always: temporary file, flush, rename, row; and of a deletion: row, file.
pub mod api;
mod files;
mod inspect;
mod intake;
mod lock;
pub mod model;
pub mod ops;
pub mod reconcile;
pub mod rpc;
pub mod sagas;
mod store;
pub mod wire;
