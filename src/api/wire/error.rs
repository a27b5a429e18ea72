//! Error bodies: every service of OpenStack has a shape of its own, and clients look for exactly that.
//!
//! The API builds a body with [`error_body`]; the client reads any of them with [`ErrorInfo::parse`], since a proxy, a
//! middleware or an old release may answer in another shape than the service's.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Microversion;

/// Whose shape an error body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStyle {
    /// Keystone, and the token check in front of every service: `{"error": {"code", "title", "message"}}`.
    Identity,
    /// Nova and Cinder: `{"itemNotFound": {"code", "message"}}`.
    Compute,
    /// Glance: `{"code": "404 Not Found", "title", "message"}`.
    Image,
    /// Neutron: `{"NeutronError": {"type", "message", "detail"}}`.
    Network,
    /// Placement: `{"errors": [{"status", "title", "detail", "code", "request_id"}]}`.
    Placement,
    /// Skydeck's own: Keystone's with `hint` and `field`.
    Skydeck,
}

/// What an error says, whatever its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorInfo {
    /// HTTP status.
    pub status: u16,
    /// Neutron's `type`, Placement's `code`, else the title: for programs.
    pub kind: String,
    /// For people: what failed and why.
    pub message: String,
    /// What to do about it (Skydeck's own bodies only).
    pub hint: Option<String>,
    /// The field of the request that is wrong (Skydeck's own bodies only).
    pub field: Option<String>,
    /// The request, where the body says it; else see the header.
    pub request_id: Option<String>,
}

/// Nova's and Cinder's word for a status.
pub fn fault_name(status: u16) -> &'static str {
    match status {
        400 => "badRequest",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
        409 => "conflictingRequest",
        413 | 429 => "overLimit",
        415 => "badMediaType",
        501 => "notImplemented",
        503 => "serviceUnavailable",
        _ => "computeFault",
    }
}

/// The reason phrase of a status, as titles have it.
pub fn status_title(status: u16) -> &'static str {
    match status {
        300 => "Multiple Choices",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        507 => "Insufficient Storage",
        _ => "Error",
    }
}

/// The body that says `info` in the shape of a service.
pub fn error_body(style: ErrorStyle, info: &ErrorInfo) -> Value {
    let status = info.status;
    let title = status_title(status);
    match style {
        ErrorStyle::Identity => {
            json!({"error": {"code": status, "title": title, "message": info.message}})
        }
        ErrorStyle::Compute => {
            json!({fault_name(status): {"code": status, "message": info.message}})
        }
        ErrorStyle::Image => {
            json!({"code": format!("{status} {title}"), "title": title, "message": info.message})
        }
        ErrorStyle::Network => {
            let kind = if info.kind.is_empty() {
                network_kind(status)
            } else {
                &info.kind
            };
            json!({"NeutronError": {"type": kind, "message": info.message, "detail": ""}})
        }
        ErrorStyle::Placement => {
            let code = if info.kind.is_empty() {
                "placement.undefined_code"
            } else {
                &info.kind
            };
            json!({"errors": [{"status": status, "title": title, "detail": info.message, "code": code,
                "request_id": info.request_id}]})
        }
        ErrorStyle::Skydeck => {
            json!({"error": {"code": status, "title": title, "message": info.message, "hint": info.hint,
                "field": info.field}})
        }
    }
}

/// The body of a 406 for a microversion that is not served, as Nova, Cinder and Placement have it.
pub fn version_error_body(
    service: &str,
    message: &str,
    min: Microversion,
    max: Microversion,
    request_id: &str,
) -> Value {
    json!({"errors": [{
        "status": 406,
        "code": format!("{service}.microversion-unsupported"),
        "title": "Requested microversion is unsupported",
        "detail": message,
        "request_id": request_id,
        "max_version": max,
        "min_version": min,
        "links": [],
    }]})
}

fn network_kind(status: u16) -> &'static str {
    match status {
        400 => "HTTPBadRequest",
        401 => "HTTPUnauthorized",
        403 => "HTTPForbidden",
        404 => "HTTPNotFound",
        409 => "HTTPConflict",
        503 => "HTTPServiceUnavailable",
        _ => "HTTPInternalServerError",
    }
}

impl ErrorInfo {
    /// An error with a status and a message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            ..Self::default()
        }
    }

    /// Reads an error body in any of the shapes, HTML and plain text included. The message is never empty and never
    /// longer than a thousand characters.
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let mut info = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|value| Self::from_value(status, &value))
            .unwrap_or_else(|| Self::new(status, plain_text(&String::from_utf8_lossy(body))));
        info.message = plain_text(&info.message);
        if info.message.is_empty() {
            info.message = status_title(status).to_owned();
        }
        info
    }

    fn from_value(status: u16, value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        if let Some(first) = object.get("errors").and_then(|errors| errors.get(0)) {
            return Some(Self {
                kind: text(first, "code").unwrap_or_default(),
                request_id: text(first, "request_id"),
                ..Self::new(
                    status,
                    text(first, "detail").or_else(|| text(first, "title"))?,
                )
            });
        }
        if let Some(message) = text(value, "message") {
            let kind = text(value, "title").unwrap_or_default();
            return Some(Self {
                kind,
                ..Self::new(status, message)
            });
        }
        // One member whose value is the error; Neutron's may be text alone.
        let (name, inner) = object.iter().next()?;
        if let Some(message) = inner.as_str() {
            return Some(Self::new(status, message));
        }
        Some(Self {
            kind: text(inner, "type")
                .or_else(|| text(inner, "title"))
                .unwrap_or_else(|| name.clone()),
            hint: text(inner, "hint"),
            field: text(inner, "field"),
            ..Self::new(status, text(inner, "message")?)
        })
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

/// Text without tags and with single spaces, bounded.
fn plain_text(source: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for character in source.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                plain.push(' ');
            }
            _ if inside => {}
            _ => plain.push(character),
        }
    }
    // A lone `<` is text, not a tag.
    let source = if inside { source } else { &plain };
    let words: Vec<&str> = source.split_whitespace().collect();
    words.join(" ").chars().take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_read_back() {
        let info = ErrorInfo {
            kind: "NetworkNotFound".into(),
            ..ErrorInfo::new(404, "Network 7 could not be found.")
        };
        for style in [
            ErrorStyle::Identity,
            ErrorStyle::Compute,
            ErrorStyle::Image,
            ErrorStyle::Network,
            ErrorStyle::Placement,
            ErrorStyle::Skydeck,
        ] {
            let body = error_body(style, &info).to_string();
            let read = ErrorInfo::parse(404, body.as_bytes());
            assert_eq!(read.message, info.message, "{style:?}");
            assert_eq!(read.status, 404);
        }
        let network = error_body(ErrorStyle::Network, &info).to_string();
        assert_eq!(
            ErrorInfo::parse(404, network.as_bytes()).kind,
            "NetworkNotFound"
        );
    }

    #[test]
    fn bodies_of_proxies_become_text() {
        let html =
            b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available. </body></html>";
        assert_eq!(
            ErrorInfo::parse(503, html).message,
            "503 Service Unavailable No server is available."
        );
        assert_eq!(ErrorInfo::parse(502, b"").message, "Bad Gateway");
        let glance = br#"{"message": "No image found with ID x<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}"#;
        assert_eq!(
            ErrorInfo::parse(404, glance).message,
            "No image found with ID x"
        );
        assert_eq!(ErrorInfo::parse(400, b"a < b").message, "a < b");
    }
}
