//! The line that says what just happened. A good or neutral one goes by itself; a bad one stays until a key is pressed
//! after it could be read.

use crate::ids::Time;

/// Seconds a notice stays at least.
const STAYS: i64 = 6;
/// Seconds a failure stays at least.
const FAILURE_STAYS: i64 = 15;

/// How a notice is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Info,
    /// Something worked.
    Good,
    /// Something to mind.
    Warn,
    /// Something failed.
    Bad,
}

impl Tone {
    /// The theme's scope for it.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Info => "notice.info",
            Self::Good => "notice.good",
            Self::Warn => "notice.warn",
            Self::Bad => "notice.bad",
        }
    }
}

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// In words.
    pub text: String,
    /// When.
    pub at: Time,
    /// The act it is about; a later notice of the same act replaces it.
    pub batch: Option<u64>,
}

impl Notice {
    /// Whether it has been there long enough.
    pub fn is_over(&self, now: Time) -> bool {
        let stays = match self.tone {
            Tone::Bad | Tone::Warn => FAILURE_STAYS,
            Tone::Info | Tone::Good => STAYS,
        };
        now >= self.at.plus_seconds(stays)
    }
}
