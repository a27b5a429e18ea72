//! What operators see and press, as pictures and requests.

mod pictures;
