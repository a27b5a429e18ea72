//! A file that is locked for as long as its value lives, and no longer.
//!
//! A lock of a whole file (flock) ends with the last descriptor of that opening. Another thread that starts a program holds a
//! copy of every descriptor between fork and exec, so that a lock would outlive a mere close for a moment; letting go by name
//! ends it for all copies.

use std::fs::{File, TryLockError};
use std::ops::Deref;

/// A locked file.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    /// Locks it for one; [`TryLockError::WouldBlock`] if anybody has it.
    pub fn alone(file: File) -> Result<Self, TryLockError> {
        file.try_lock().map(|()| Self(file))
    }

    /// Locks it for any who do the same; [`TryLockError::WouldBlock`] if one has it alone.
    pub fn with_others(file: File) -> Result<Self, TryLockError> {
        file.try_lock_shared().map(|()| Self(file))
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // What can not be unlocked is closed now, which does the same a moment later.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_although_another_holds_a_copy_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let one = Locked::alone(File::create(&path).unwrap()).unwrap();
        let copy = one.try_clone().unwrap();
        let open = || File::open(&path).unwrap();
        assert!(Locked::with_others(open()).is_err());
        drop(one);
        let shared = Locked::with_others(open()).unwrap();
        assert!(Locked::with_others(open()).is_ok() && Locked::alone(open()).is_err());
        drop((shared, copy));
        assert!(Locked::alone(open()).is_ok());
    }
}
