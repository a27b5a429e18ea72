//! Looking, judging, treating.

mod examine;
mod judge;
mod treat;

#[cfg(test)]
mod tests;

pub use examine::examine;
pub use treat::treat;
