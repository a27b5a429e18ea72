//! Why something did not work, as the screen shows it: what and why, what to do, and the request to look for in logs.

use crate::client::ClientError;

/// A failed request or load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What failed and why.
    pub message: String,
    /// What the operator can do.
    pub advice: Option<String>,
    /// The field of a form it is about.
    pub field: Option<String>,
    /// What was asked of whom, and the status of the answer.
    pub asked: Option<String>,
    /// Id of the request, to be found in the service's log.
    pub request: Option<String>,
    /// Whether the cloud could not be reached at all.
    pub unreachable: bool,
    /// Whether it is no failure: the operator stopped it.
    pub stopped: bool,
}

impl Failure {
    /// A failure that is the console's own.
    pub fn local(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// Not a failure: the operator stopped it.
    pub fn stopped() -> Self {
        Self {
            message: "stopped".to_owned(),
            stopped: true,
            ..Self::default()
        }
    }

    /// Whether the operator stopped it.
    pub fn is_stop(&self) -> bool {
        self.stopped
    }

    /// The message and the advice in one line.
    pub fn line(&self) -> String {
        match &self.advice {
            Some(advice) => format!("{} ({advice})", self.message),
            None => self.message.clone(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        // What the cloud said comes first; where it said it matters only to who looks for it, but for faults of its own.
        let (message, asked) = match &error {
            ClientError::Refused {
                service,
                what,
                info,
            } if info.status < 500 && !info.message.is_empty() => {
                let asked = format!("{what}, to which {service} answered {}", info.status);
                (info.message.clone(), Some(asked))
            }
            other => (other.to_string(), None),
        };
        Self {
            message,
            asked,
            advice: error.advice(),
            field: error.field().map(str::to_owned),
            request: error.request_id().map(str::to_owned),
            unreachable: error.is_transient() && error.status().is_none(),
            stopped: false,
        }
    }
}
