//! Hashing of passwords: argon2id, off the async runtime, a few at a time.
//!
//! One hash takes 19 MiB and some 20 ms of a core. [`SLOTS`] bounds how many run at once; whoever waits longer than
//! [`PATIENCE`] is told to come back. A slot is owned by the hashing itself, not by the request: a client that hangs up
//! does not make room for the next while its hash still runs.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Hashes that run at once.
const SLOTS: usize = 2;
/// How long a slot is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// MiB · 1024, rounds and lanes: the least that OWASP recommends, so that a first start stays quick.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;
/// What the password of nobody is compared with, so that an unknown user takes as long as a known one. Its output is
/// all zeros; no password is known to give that.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2t5ZGVjay1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The right to hash once.
pub struct Slot(OwnedSemaphorePermit);

/// Hashes and compares passwords.
pub struct Passwords {
    slots: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(SLOTS)),
            patience: PATIENCE,
        }
    }
}

impl Passwords {
    /// Waits for a slot.
    pub async fn slot(&self) -> Result<Slot> {
        let busy = || {
            Error::Unavailable(
                "too many log-ins are being checked at the moment; try again in a few seconds"
                    .into(),
            )
        };
        tokio::time::timeout(self.patience, self.slots.clone().acquire_owned())
            .await
            .map_err(|_| busy())?
            .map(Slot)
            .map_err(|_| busy())
    }

    /// The hash of a password, with a salt of its own, in PHC's format.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let slot = self.slot().await?;
        let password = password.to_owned();
        off_runtime(slot, move || {
            argon2()?
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("a password can not be hashed: {error}")))
        })
        .await?
    }

    /// Whether the password has this hash. Without a hash the answer is no, after the same work.
    pub async fn verify(&self, slot: Slot, password: &str, hash: Option<String>) -> Result<bool> {
        let password = password.to_owned();
        off_runtime(slot, move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let same = argon2()?.verify_password(password.as_bytes(), hash).is_ok();
            Ok(same && known)
        })
        .await?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None)
        .map_err(|error| Error::Internal(format!("argon2's parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn off_runtime<T: Send + 'static>(
    slot: Slot,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(slot.0);
        done
    })
    .await
    .map_err(|error| Error::Internal(format!("hashing a password ended early: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        for (password, hash, same) in [
            ("correct horse", Some(hash.clone()), true),
            ("battery staple", Some(hash.clone()), false),
            ("correct horse", None, false),
            ("correct horse", Some("$nonsense".into()), false),
        ] {
            let slot = passwords.slot().await.unwrap();
            assert_eq!(passwords.verify(slot, password, hash).await.unwrap(), same);
        }
        assert_ne!(passwords.hash("correct horse").await.unwrap(), hash);
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let nobody = argon2::PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (MEMORY_KIB, ROUNDS, LANES)
        );
        let length = nobody.hash.unwrap().as_bytes().len();
        assert_eq!(length, Params::DEFAULT_OUTPUT_LEN);
    }

    #[tokio::test]
    async fn whoever_waits_too_long_is_told_to_come_back() {
        let passwords = Passwords {
            patience: Duration::ZERO,
            ..Passwords::default()
        };
        let _held = (
            passwords.slot().await.unwrap(),
            passwords.slot().await.unwrap(),
        );
        assert!(matches!(passwords.slot().await, Err(Error::Unavailable(_))));
    }
}
