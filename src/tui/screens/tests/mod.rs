//! What operators see and press, as pictures and requests.

mod acts;
mod bytes;
mod moving;
mod pictures;
mod tracing;
