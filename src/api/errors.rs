//! Errors of operations as HTTP: here the status; the body's shape is chosen by the layer that knows the service.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::wire::{ErrorInfo, ErrorStyle, error_body};
use crate::error::Error;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        // What is not served here is no failure.
        if status >= 500 && status != 501 {
            tracing::error!(error = %self, "a request failed");
        }
        let field = if let Self::Invalid { field, .. } = &self {
            Some(field.clone())
        } else {
            None
        };
        let kind = match &self {
            Self::Named { kind, .. } => kind,
            Self::Quota { .. } => "OverQuota",
            Self::NotFound { kind, .. } => match *kind {
                "network" => "NetworkNotFound",
                "subnet" => "SubnetNotFound",
                "port" => "PortNotFound",
                _ => "",
            },
            _ => "",
        };
        let info = ErrorInfo {
            kind: kind.to_owned(),
            field,
            ..ErrorInfo::new(status, self.to_string())
        };
        let mut response = code(status).into_response();
        if matches!(self, Self::Unavailable(_)) {
            let moment = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, moment);
        }
        response.extensions_mut().insert(info);
        response
    }
}

/// Gives an error response its body, in the service's shape. Others pass unchanged.
pub(super) fn dress(style: ErrorStyle, request_id: &str, response: Response) -> Response {
    let status = response.status().as_u16();
    let mut info = match response.extensions().get::<ErrorInfo>() {
        Some(info) => info.clone(),
        // What axum answers by itself, without a body of a handler.
        None if matches!(status, 404 | 405) && response.headers().get("content-type").is_none() => {
            let text = if status == 404 {
                "The resource could not be found."
            } else {
                "The method is not allowed for this resource."
            };
            ErrorInfo::new(status, text)
        }
        None => return response,
    };
    // Neutron answers an exceeded quota as a conflict; Nova, Glance and Cinder as forbidden or too large.
    if info.kind == "OverQuota" {
        match style {
            ErrorStyle::Network => info.status = 409,
            ErrorStyle::Image => info.status = 413,
            _ => {}
        }
    }
    info.request_id = Some(request_id.to_owned());
    let mut dressed = (code(info.status), Json(error_body(style, &info))).into_response();
    for (name, value) in response.headers() {
        if !matches!(name.as_str(), "content-length" | "content-type") {
            dressed.headers_mut().insert(name.clone(), value.clone());
        }
    }
    dressed
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_says_when_to_try_again() {
        let late = Error::Unavailable("the database is busy".into()).into_response();
        let late = dress(ErrorStyle::Compute, "req-1", late);
        assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(late.headers()[RETRY_AFTER], "1");
        let broken = Error::Internal("a defect".into()).into_response();
        assert!(!broken.headers().contains_key(RETRY_AFTER));
    }
}
