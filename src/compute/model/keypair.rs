//! Key pairs: public keys that servers let in. Private keys are never kept.

use std::fmt;

use crate::ids::{Time, UserId};

/// A public key of a user, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keypair {
    /// A number, unique.
    pub number: i64,
    /// Whose it is.
    pub user: UserId,
    /// Its name, unique for the user.
    pub name: String,
    /// MD5 of the key, in pairs of hexadecimal digits with colons.
    pub fingerprint: String,
    /// One line in OpenSSH's form.
    pub public_key: String,
    /// When it was made.
    pub created_at: Time,
}

/// A key pair to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKeypair {
    /// Its name.
    pub name: String,
    /// The public key; without one a pair is made, whose private half is told once.
    pub public_key: Option<String>,
    /// Another user's (administrators).
    pub user: Option<UserId>,
}

/// A private key in OpenSSH's form, on its way to its owner. Formatters do not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// Takes the text into custody.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one answer that has it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
