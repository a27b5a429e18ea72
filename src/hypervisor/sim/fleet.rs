//! Simulated hosts that know one another, so that guests can be moved between them. They live in one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::inner::Inner;

/// Hosts by name. Cheap to clone; clones are the same fleet.
#[derive(Clone, Default)]
pub struct Fleet {
    hosts: Arc<Mutex<HashMap<String, Weak<Inner>>>>,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fleet")
    }
}

impl Fleet {
    pub(super) fn join(&self, name: &str, host: &Arc<Inner>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(name.to_owned(), Arc::downgrade(host));
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Inner>> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(name)?.upgrade()
    }
}
