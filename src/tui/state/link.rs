//! Whether the cloud answers: what the banner says while it does not, and whether events arrive.

use crate::ids::Time;

/// The connection to the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Since when nothing answers, and why.
    pub down: Option<(Time, String)>,
    /// When the next attempt is made.
    pub retry_at: Option<Time>,
    /// Whether the events stream is open; without it everything shown is polled.
    pub events: bool,
}

impl Link {
    /// What the banner says, if there is something to say.
    pub fn banner(&self, now: Time) -> Option<String> {
        let (since, reason) = self.down.as_ref()?;
        let lost = crate::tui::format::span(now.0 - since.0);
        let next = match self.retry_at {
            Some(at) if at > now => {
                format!(
                    "trying again in {}",
                    crate::tui::format::span(at.0 - now.0 + 999_999)
                )
            }
            _ => "trying again".to_owned(),
        };
        Some(format!(
            "No connection for {lost}, what is shown is old; {next}: {reason}"
        ))
    }
}
