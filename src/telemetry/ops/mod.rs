//! What is done with samples, one file each.

mod flush;
mod latest;
mod record;
mod series;
mod statistics;

pub use flush::{flush, own, periodic};
pub use latest::{hosts_latest, latest, top};
pub use record::record;
pub use series::series;
pub use statistics::statistics;
