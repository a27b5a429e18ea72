//! Files from the web, for whoever may name any address: the one place where a user's text makes this process connect
//! somewhere.
//!
//! **What is refused.** Schemes other than `http` and `https`; user names and passwords in the address (it is stored and
//! shown); more than five redirects; and addresses that only this machine or its link can reach (loopback, link-local with
//! the metadata services of clouds, unspecified, multicast), unless the caller is trusted, which administrators are. The
//! check is made on the very address that is connected to, after name resolution and at every redirect, so that a name
//! which changes its address gains nothing. Private networks (10/8 and the like) are allowed: a private cloud's mirrors are
//! there. Proxies of the environment are used for trusted callers only, because a proxy resolves names by itself.
//!
//! A download that broke off goes on by `Range`, guarded by `If-Range`: if the file changed meanwhile it begins anew.

pub mod websocket;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

/// Redirects followed.
const REDIRECTS: usize = 5;
/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time in which something must arrive.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest address.
const MAX_URL: usize = 2048;

/// Why a file can not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    /// Whether asking again later may help.
    pub passing: bool,
    /// What failed, why, and what to do.
    pub message: String,
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    /// Its address.
    pub url: &'a str,
    /// Whether every address may be connected to.
    pub trusted: bool,
    /// Bytes that are there, and the validator of the file they are from.
    pub resume: Option<(u64, &'a str)>,
}

/// An answer whose body has not been read yet.
pub struct Fetched {
    /// Where in the file the body begins.
    pub start: u64,
    /// Length of the whole file, if the server says it.
    pub total: Option<u64>,
    /// By which a later request can tell whether it still is the same file.
    pub validator: Option<String>,
    response: Option<Response>,
}

impl Fetched {
    /// The body. It ends early when the connection breaks; compare with [`Fetched::total`].
    pub fn body(self) -> impl Stream<Item = Result<Bytes, FetchError>> + Send {
        futures::stream::iter(self.response)
            .flat_map(|response| response.bytes_stream().map(|piece| piece.map_err(trouble)))
    }
}

/// Checks an address before anything is connected to; the error says what is wrong with it.
pub fn check_url(text: &str, trusted: bool) -> Result<(), String> {
    if text.len() > MAX_URL {
        return Err(format!("longer than {MAX_URL} characters"));
    }
    let url = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
    check(&url, trusted)
}

fn check(url: &Url, trusted: bool) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "{}: is not fetched; only http: and https: are",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not hold a user name or password, for it is stored and shown; fetch the file yourself and upload it"
                .into(),
        );
    }
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse::<IpAddr>() {
        Ok(address) if !trusted && !is_allowed(address) => Err(forbidden(address)),
        _ => Ok(()),
    }
}

fn forbidden(address: IpAddr) -> String {
    format!(
        "{address} is an address of the cloud's own machines; only an administrator may have files fetched from there"
    )
}

/// Whether anybody may have this address connected to.
fn is_allowed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_allowed_v4(v4),
        IpAddr::V6(v6) => {
            if let Some(v4) = embedded_v4(v6) {
                return is_allowed_v4(v4);
            }
            let metadata = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6 == metadata)
        }
    }
}

fn is_allowed_v4(v4: Ipv4Addr) -> bool {
    !(v4.is_loopback()
        || v4.is_unspecified()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.octets()[0] == 0
        || v4 == Ipv4Addr::new(100, 100, 100, 200))
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, or by NAT64.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = v6.segments();
    let nat64 = parts[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [a, b] = parts[6].to_be_bytes();
    let [c, d] = parts[7].to_be_bytes();
    let compatible = parts[..6] == [0; 6] && parts[6] != 0;
    v6.to_ipv4_mapped()
        .or_else(|| (nat64 || compatible).then(|| Ipv4Addr::new(a, b, c, d)))
}

/// Resolves names to the addresses that are allowed.
struct Guarded {
    trusted: bool,
}

/// An address that was refused, found again in the chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.trusted;
        Box::pin(async move {
            let all: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let bad = all
                .iter()
                .find(|address| !trusted && !is_allowed(address.ip()));
            if let Some(address) = bad {
                return Err(Refused(forbidden(address.ip())).into());
            }
            Ok(Box::new(all.into_iter()) as Addrs)
        })
    }
}

fn client(trusted: bool) -> Result<Client, FetchError> {
    // Somebody else may have chosen it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let follow = move |attempt: Attempt<'_>| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(Refused(format!("it redirects more than {REDIRECTS} times")));
        }
        match check(attempt.url(), trusted) {
            Ok(()) => attempt.follow(),
            Err(reason) => attempt.error(Refused(format!("it redirects to where {reason}"))),
        }
    };
    let mut builder = Client::builder()
        .user_agent(concat!("skydeck/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(Policy::custom(follow))
        .dns_resolver(Arc::new(Guarded { trusted }))
        .referer(false);
    if !trusted {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| FetchError {
        passing: false,
        message: format!("the web can not be reached from here: {}", chain(&error)),
    })
}

/// Asks for a file; the answer's body is read afterwards.
pub async fn fetch(request: &Fetch<'_>) -> Result<Fetched, FetchError> {
    let refuse = |message: String| FetchError {
        passing: false,
        message,
    };
    check_url(request.url, request.trusted)
        .map_err(|reason| refuse(format!("{}: {reason}", request.url)))?;
    let client = client(request.trusted)?;
    let mut wanted = client.get(request.url);
    if let Some((from, validator)) = request.resume.filter(|(from, _)| *from > 0) {
        wanted = wanted
            .header(RANGE, format!("bytes={from}-"))
            .header(IF_RANGE, validator);
    }
    let response = wanted.send().await.map_err(trouble)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let from = request.resume.map_or(0, |(from, _)| from);
    let (range_start, range_total) = content_range(&headers);
    match status {
        StatusCode::PARTIAL_CONTENT if range_start == Some(from) => Ok(Fetched {
            start: from,
            total: range_total,
            validator: validator(&headers),
            response: Some(response),
        }),
        // Nothing is behind what is there: it was whole.
        StatusCode::RANGE_NOT_SATISFIABLE if from > 0 && range_total == Some(from) => Ok(Fetched {
            start: from,
            total: range_total,
            validator: request.resume.map(|(_, validator)| validator.to_owned()),
            response: None,
        }),
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if from > 0 => {
            Box::pin(fetch(&Fetch {
                resume: None,
                ..request.clone()
            }))
            .await
        }
        StatusCode::OK => Ok(Fetched {
            start: 0,
            total: header(&headers, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok()),
            validator: validator(&headers),
            response: Some(response),
        }),
        _ => Err(FetchError {
            passing: status.is_server_error()
                || matches!(
                    status,
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                ),
            message: format!("{} answers {status}", request.url),
        }),
    }
}

/// A strong `ETag`, or else the date; nothing that `If-Range` could not compare.
fn validator(headers: &HeaderMap) -> Option<String> {
    header(headers, ETAG.as_str())
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| header(headers, LAST_MODIFIED.as_str()))
        .filter(|text| text.len() <= 256)
        .map(str::to_owned)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `bytes 5-9/10` → 5, 10; `bytes */10` → nothing, 10.
fn content_range(headers: &HeaderMap) -> (Option<u64>, Option<u64>) {
    let parsed = header(headers, CONTENT_RANGE.as_str())
        .and_then(|text| text.strip_prefix("bytes "))
        .and_then(|text| text.split_once('/'));
    let Some((range, total)) = parsed else {
        return (None, None);
    };
    let start = range
        .split_once('-')
        .and_then(|(start, _)| start.parse().ok());
    (start, total.parse().ok())
}

fn trouble(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    let mut refused = false;
    while let Some(inner) = cause {
        refused |= inner.downcast_ref::<Refused>().is_some();
        cause = inner.source();
    }
    let message = chain(&error);
    let hopeless = [
        "invalid peer certificate",
        "Name or service not known",
        "No address associated",
    ];
    FetchError {
        passing: !(refused
            || error.is_builder()
            || error.is_redirect()
            || hopeless.iter().any(|words| message.contains(words))),
        message,
    }
}

/// The error with its causes, each said once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
