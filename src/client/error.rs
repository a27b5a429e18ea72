//! Why a call to a cloud failed, in words an operator can act on.

use std::path::PathBuf;

use crate::api::wire::ErrorInfo;

/// Result of a call.
pub type Result<T> = std::result::Result<T, ClientError>;

/// Why a call failed. [`ClientError::advice`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `clouds.yaml` or what it says can not be used.
    #[error("{what}: {reason}")]
    Config {
        /// The file or the setting.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No `clouds.yaml` has the cloud.
    #[error("there is no cloud {name} in clouds.yaml; {}", known_clouds(known))]
    NoSuchCloud {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An argument that no cloud could take (an empty id, say).
    #[error("{what} is not valid: {reason}")]
    Argument {
        /// The argument.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody listens at the address, or it can not be reached.
    #[error("{endpoint} can not be reached: {reason}")]
    Unreachable {
        /// The address.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// No answer in time. Whether the request was carried out is not known.
    #[error("{endpoint} did not answer {what} in time")]
    Timeout {
        /// The address.
        endpoint: String,
        /// Method and path.
        what: String,
    },
    /// The connection broke while a request or an answer was under way.
    #[error("the connection to {endpoint} broke during {what}: {reason}")]
    Broken {
        /// The address.
        endpoint: String,
        /// Method and path.
        what: String,
        /// Why.
        reason: String,
    },
    /// Login was refused.
    #[error("{endpoint} refused the login: {message}")]
    Login {
        /// Keystone's address.
        endpoint: String,
        /// What it said.
        message: String,
    },
    /// The service refused the request.
    #[error("{service} answered {} to {what}: {}{}", info.status, info.message, in_request(info))]
    Refused {
        /// `compute`, `image`, …
        service: &'static str,
        /// Method and path.
        what: String,
        /// Status, message and whatever else the body said.
        info: Box<ErrorInfo>,
    },
    /// The answer is not what the API promises.
    #[error("{service} answered {what} with something unreadable: {reason}")]
    Unreadable {
        /// `compute`, `image`, …
        service: &'static str,
        /// Method and path.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The catalog has no such service.
    #[error("the cloud offers no {service} service{}", in_region(region))]
    NoService {
        /// `compute`, `image`, …
        service: &'static str,
        /// The region asked for.
        region: Option<String>,
    },
    /// A local file can not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was downloaded is not what the image service says it stores.
    #[error("{}: the checksum of what was downloaded is wrong; the file was removed", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
    },
    /// The websocket of a console failed.
    #[error("the console broke: {0}")]
    Console(String),
}

impl ClientError {
    /// HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { info, .. } => Some(info.status),
            Self::Login { .. } => Some(401),
            _ => None,
        }
    }

    /// Id of the request that was refused, to be found in the service's log.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { info, .. } => info.request_id.as_deref(),
            _ => None,
        }
    }

    /// The field of the request that was wrong, where the service says it.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Refused { info, .. } => info.field.as_deref(),
            _ => None,
        }
    }

    /// Whether the thing asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the same call may succeed a little later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Refused { info, .. } => matches!(info.status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Refused { info, .. } => return info.hint.clone().or_else(|| advice_for(info)),
            Self::NoSuchCloud { .. } => {
                "add it to ~/.config/openstack/clouds.yaml, or name another"
            }
            Self::Unreachable { .. } => {
                "check that the cloud runs and that the address in clouds.yaml is right"
            }
            Self::Timeout { .. } => "look whether it was done before you try again",
            Self::Broken { .. } => "try again",
            Self::Login { .. } => "check user, password, project and their domains in clouds.yaml",
            Self::NoService { .. } => "check region_name and interface in clouds.yaml",
            Self::Unreadable { .. } => "check that the address belongs to an OpenStack service",
            Self::Checksum { .. } => "download it again",
            Self::Console(_) => "open the console again",
            Self::Config { .. } | Self::Argument { .. } | Self::File { .. } => return None,
        };
        Some(text.to_owned())
    }
}

fn advice_for(info: &ErrorInfo) -> Option<String> {
    let quota = info.message.to_ascii_lowercase().contains("quota");
    let text = match info.status {
        401 => "log in again",
        403 | 413 if quota => "delete something, or ask an administrator for more quota",
        403 => "ask an administrator for a role that allows it",
        409 => "wait until what is under way has finished, then try again",
        429 => "wait a little, then try again",
        502..=504 => "look at the service's state, then try again",
        500 => {
            return Some(match &info.request_id {
                Some(id) => format!("look for {id} in the service's log"),
                None => "look at the service's log".to_owned(),
            });
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn known_clouds(known: &[String]) -> String {
    if known.is_empty() {
        "no clouds.yaml was found".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    }
}

fn in_request(info: &ErrorInfo) -> String {
    let id = info.request_id.as_ref();
    id.map(|id| format!(" ({id})")).unwrap_or_default()
}

fn in_region(region: &Option<String>) -> String {
    region
        .as_ref()
        .map(|region| format!(" in region {region}"))
        .unwrap_or_default()
}
