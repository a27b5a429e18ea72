//! Secrets that the program makes: tokens, the first password, secrets of application credentials.

/// 256 random bits as 64 hexadecimal digits. Digits and letters alone: no leading dash that a command line takes for an
/// option, and a double click selects all of it.
pub(super) fn random() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}
