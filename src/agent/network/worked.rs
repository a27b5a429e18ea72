//! A node's packet filter in `nft`'s terms, worked out once for each blueprint: of hundreds of ports that takes longer than
//! most changes do.

use std::sync::{Arc, OnceLock};

use super::blueprint::Blueprint;
use super::ruleset::Table;

/// The tables of a filter, once somebody asked for them.
#[derive(Clone, Debug, Default)]
pub struct Worked(OnceLock<Arc<[Table; 2]>>);

/// It follows from the filter, whether it was worked out or not.
impl PartialEq for Worked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Worked {}

impl Blueprint {
    /// The tables of its filter, which must not change any more.
    pub fn tables(&self) -> &Arc<[Table; 2]> {
        self.worked.0.get_or_init(|| Arc::new(self.filter.tables()))
    }
}
