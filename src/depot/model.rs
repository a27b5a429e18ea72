//! Tickets: who holds one may do one thing to one thing, for a while.
//!
//! The text is `EXPIRY.MAC`: microseconds since 1970, and HMAC-SHA-256 in hexadecimal over the rule, the id and the expiry.
//! It names nothing, so that a ticket that is found says nothing of what it opens. It is compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::Time;

/// Seconds that a ticket may be good for; what claims to end later was made by a clock that is wrong.
pub const LONGEST_SECONDS: i64 = 2 * 3600;
/// Longest text that is looked at.
const LONGEST: usize = 128;

/// The secret that tickets are signed with.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key that [`Key::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The key as the database keeps it.
    pub fn to_text(&self) -> String {
        hex::encode(self.0)
    }

    /// A ticket for what `rule` allows to be done to `id`, until then.
    pub fn issue(&self, rule: &str, id: &str, expires: Time) -> String {
        let mac = self.mac(rule, id, expires.0).finalize().into_bytes();
        format!("{}.{}", expires.0, hex::encode(mac))
    }

    /// Whether the ticket allows this now.
    pub fn admits(&self, ticket: &str, rule: &str, id: &str, now: Time) -> bool {
        if ticket.len() > LONGEST {
            return false;
        }
        let Some((expires, mac)) = ticket.split_once('.') else {
            return false;
        };
        let (Ok(expires), Ok(mac)) = (expires.parse::<i64>(), hex::decode(mac)) else {
            return false;
        };
        let genuine = self.mac(rule, id, expires).verify_slice(&mac).is_ok();
        genuine && expires >= now.0 && expires <= now.plus_seconds(LONGEST_SECONDS).0
    }

    fn mac(&self, rule: &str, id: &str, expires: i64) -> Hmac<Sha256> {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        // Of the length of the hash's block, and so the same as the key itself.
        let mut mac = Hmac::<Sha256>::new(&block.into());
        // Neither rule nor id has a line feed in it: no two things are written alike.
        mac.update(format!("skydeck depot 1\n{rule}\n{id}\n{expires}").as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "depot:image:read";

    #[test]
    fn a_ticket_opens_one_thing_for_a_while() {
        let (key, now) = (Key::new([7; 32]), Time::now());
        let ticket = key.issue(RULE, "a", now.plus_seconds(60));
        assert!(key.admits(&ticket, RULE, "a", now));
        assert!(
            Key::parse(&key.to_text())
                .unwrap()
                .admits(&ticket, RULE, "a", now)
        );
        for (why, admitted) in [
            ("other id", key.admits(&ticket, RULE, "b", now)),
            (
                "other verb",
                key.admits(&ticket, "depot:image:write", "a", now),
            ),
            (
                "other kind",
                key.admits(&ticket, "depot:snapshot:read", "a", now),
            ),
            (
                "expired",
                key.admits(&ticket, RULE, "a", now.plus_seconds(61)),
            ),
            (
                "other key",
                Key::new([8; 32]).admits(&ticket, RULE, "a", now),
            ),
            ("nothing", key.admits("", RULE, "a", now)),
            ("no mac", key.admits(&format!("{}.", now.0), RULE, "a", now)),
            (
                "too long",
                key.admits(&format!("{}{}", "0".repeat(200), ticket), RULE, "a", now),
            ),
        ] {
            assert!(!admitted, "{why}");
        }
        let late = now.plus_seconds(LONGEST_SECONDS + 60);
        assert!(
            !key.admits(&key.issue(RULE, "a", late), RULE, "a", now),
            "too far"
        );
        assert!(!format!("{key:?}").contains("07"));
    }

    #[test]
    fn any_changed_bit_is_seen() {
        let (key, now) = (Key::new([7; 32]), Time::now());
        let ticket = key.issue(RULE, "a", now.plus_seconds(60));
        for at in 0..ticket.len() {
            for bit in 0..7 {
                let mut bytes = ticket.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                // A hexadecimal digit in upper case is the same digit.
                if changed.eq_ignore_ascii_case(&ticket) {
                    continue;
                }
                assert!(!key.admits(&changed, RULE, "a", now), "{changed}");
            }
        }
    }
}
