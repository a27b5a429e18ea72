//! Long-running operations on images.

mod import;

pub use import::{ImageImport, Origin};

use crate::saga::Registry;

/// Makes the kinds of this service known.
pub fn register(registry: &mut Registry) {
    registry.add::<ImageImport>();
}

#[cfg(test)]
mod tests;
