//! One request: address, microversion, token, and what becomes of the answer.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::auth::Session;
use super::catalog::{Service, push_path};
use super::transport::Transport;
use super::{Client, ClientError, Result};
use crate::api::wire::{
    API_VERSION_HEADER, COMPUTE_VERSIONS, ErrorInfo, Microversion, NOVA_VERSION_HEADER,
    REQUEST_ID_HEADER, TOKEN_HEADER, VOLUME_VERSIONS,
};

/// Largest answer that is taken into memory.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Largest error body that is looked at.
const MAX_ERROR: usize = 64 * 1024;

/// A change that was accepted; it may still be under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The request's id: on a Skydeck, its operations are found by it.
    pub request_id: Option<String>,
}

/// A request being put together.
#[derive(Clone)]
pub(super) struct Call {
    client: Client,
    service: Service,
    method: Method,
    segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    headers: Vec<(&'static str, String)>,
    newest: Option<Microversion>,
}

/// An answer, whole.
pub(super) struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    service: Service,
    what: String,
}

impl Answer {
    /// The body as JSON.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Unreadable {
            service: self.service.name(),
            what: self.what.clone(),
            reason: error.to_string(),
        })
    }

    /// An answer whose body says nothing of interest.
    pub fn accepted(&self) -> Accepted {
        Accepted {
            request_id: request_id(&self.headers),
        }
    }
}

impl Client {
    /// A `GET`; segments of the path are encoded here.
    pub(super) fn get(&self, service: Service, segments: &[&str]) -> Call {
        self.call(service, Method::GET, segments)
    }

    /// A `POST`.
    pub(super) fn post(&self, service: Service, segments: &[&str]) -> Call {
        self.call(service, Method::POST, segments)
    }

    /// A `PUT`.
    pub(super) fn put(&self, service: Service, segments: &[&str]) -> Call {
        self.call(service, Method::PUT, segments)
    }

    /// A `PATCH`.
    pub(super) fn patch(&self, service: Service, segments: &[&str]) -> Call {
        self.call(service, Method::PATCH, segments)
    }

    /// A `DELETE`.
    pub(super) fn delete(&self, service: Service, segments: &[&str]) -> Call {
        self.call(service, Method::DELETE, segments)
    }

    fn call(&self, service: Service, method: Method, segments: &[&str]) -> Call {
        Call {
            client: self.clone(),
            service,
            method,
            segments: segments.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            headers: Vec::new(),
            newest: None,
        }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }
}

impl Call {
    /// Adds query parameters.
    pub fn query<K: Into<String>, V: Into<String>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        self.query.extend(pairs);
        self
    }

    /// Adds the members of a structure as query parameters.
    pub fn query_of(self, query: &impl Serialize) -> Self {
        let value = serde_json::to_value(query).unwrap_or_default();
        let pairs = value.as_object().into_iter().flatten().map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), text)
        });
        let pairs: Vec<(String, String)> = pairs.collect();
        self.query(pairs)
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Gives it a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        // Wire types have text keys and no failing implementations; an empty body would be refused by the service.
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        if !self.has_header("content-type") {
            self = self.header("content-type", "application/json");
        }
        self
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(there, _)| *there == name)
    }

    /// Asks for no newer microversion than this one: newer ones lack something this request is about.
    pub fn at_most(mut self, version: Microversion) -> Self {
        self.newest = Some(version);
        self
    }

    /// Sends it and takes the whole answer.
    pub async fn send(self) -> Result<Answer> {
        let timeout = self.client.transport().timeout;
        let (response, url) = self.respond(Some(timeout)).await?;
        self.take(response, &url).await
    }

    /// Sends it and reads the answer as JSON.
    pub async fn parse<T: DeserializeOwned>(self) -> Result<T> {
        self.send().await?.parse()
    }

    /// Sends it, for its effect alone.
    pub async fn accept(self) -> Result<Accepted> {
        self.send().await.map(|answer| answer.accepted())
    }

    /// Sends it and hands over the answer unread; only silence is bounded in time.
    pub async fn stream(&self) -> Result<Response> {
        self.respond(None).await.map(|(response, _)| response)
    }

    /// Sends a stream of known length once. A refused token is forgotten, and the caller begins anew.
    pub async fn upload(self, body: reqwest::Body, length: u64) -> Result<Answer> {
        let session = self.client.session().await?;
        let (request, url) = self.build(&session, None).await?;
        let request = request.body(body).header(CONTENT_LENGTH, length);
        let response = self.execute(request, &url).await?;
        if response.status().as_u16() == 401 {
            self.client.inner.auth.refused(&session).await;
        }
        let response = self.check(response, &url).await?;
        self.take(response, &url).await
    }

    /// Method and path, for errors.
    pub fn what(&self) -> String {
        format!("{} /{}", self.method, self.segments.join("/"))
    }

    /// An error that says the answer is not as promised.
    pub fn unreadable(&self, reason: impl Into<String>) -> ClientError {
        ClientError::Unreadable {
            service: self.service.name(),
            what: self.what(),
            reason: reason.into(),
        }
    }

    /// Turns a failure while a body is read into words.
    pub fn broken(&self, error: &reqwest::Error, url: &Url) -> ClientError {
        self.client.transport().failure(error, url, &self.what())
    }

    async fn respond(&self, timeout: Option<Duration>) -> Result<(Response, Url)> {
        let mut renewed = false;
        loop {
            let session = self.client.session().await?;
            let (mut request, url) = self.build(&session, timeout).await?;
            if let Some(body) = &self.body {
                request = request.body(body.clone());
            }
            let response = self.execute(request, &url).await?;
            if response.status().as_u16() == 401 && !renewed {
                self.client.inner.auth.refused(&session).await;
                renewed = true;
                continue;
            }
            return Ok((self.check(response, &url).await?, url));
        }
    }

    async fn build(
        &self,
        session: &Session,
        timeout: Option<Duration>,
    ) -> Result<(reqwest::RequestBuilder, Url)> {
        // The URL type drops such segments, and a request for one thing would become one for all of them.
        for segment in &self.segments {
            if matches!(segment.as_str(), "" | "." | "..") {
                return Err(ClientError::Argument {
                    what: "name or id".to_owned(),
                    reason: format!("it is '{segment}'"),
                });
            }
        }
        let mut url = self.client.base(self.service, session)?;
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        push_path(&mut url, &segments);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let http = &self.client.transport().http;
        let mut request = http
            .request(self.method.clone(), url.clone())
            .header(TOKEN_HEADER, session.token.clone());
        if !self.has_header("accept") {
            request = request.header("accept", "application/json");
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        if let Some(newest) = self.client.microversion(self.service, session).await? {
            let version = self.newest.map_or(newest, |cap| newest.min(cap));
            request = versioned(request, self.service, version);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Ok((request, url))
    }

    async fn execute(&self, request: reqwest::RequestBuilder, url: &Url) -> Result<Response> {
        let began = Instant::now();
        let result = request.send().await;
        let status = result.as_ref().map(|response| response.status().as_u16());
        tracing::debug!(
            service = self.service.name(),
            what = self.what(),
            status = status.unwrap_or_default(),
            ms = began.elapsed().as_millis(),
            "request"
        );
        result.map_err(|error| self.broken(&error, url))
    }

    async fn check(&self, response: Response, url: &Url) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let body = match read_bounded(response, MAX_ERROR).await {
            Ok(body) => body,
            Err(ReadError::TooLarge) => Vec::new(),
            Err(error) => {
                let (transport, service) = (self.client.transport(), self.service.name());
                return Err(error.into_client(transport, url, service, &self.what()));
            }
        };
        let mut info = ErrorInfo::parse(status.as_u16(), &body);
        info.request_id = request_id(&headers).or(info.request_id);
        Err(ClientError::Refused {
            service: self.service.name(),
            what: self.what(),
            info: Box::new(info),
        })
    }

    async fn take(&self, response: Response, url: &Url) -> Result<Answer> {
        let headers = response.headers().clone();
        let (transport, service) = (self.client.transport(), self.service);
        let body = read_bounded(response, MAX_ANSWER)
            .await
            .map_err(|error| error.into_client(transport, url, service.name(), &self.what()))?;
        Ok(Answer {
            headers,
            body,
            service,
            what: self.what(),
        })
    }
}

fn versioned(
    request: reqwest::RequestBuilder,
    service: Service,
    version: Microversion,
) -> reqwest::RequestBuilder {
    match service {
        Service::Compute => request
            .header(API_VERSION_HEADER, COMPUTE_VERSIONS.header(version))
            .header(NOVA_VERSION_HEADER, version.to_string()),
        _ => request.header(API_VERSION_HEADER, VOLUME_VERSIONS.header(version)),
    }
}

/// The request's id in an answer.
fn request_id(headers: &HeaderMap) -> Option<String> {
    [REQUEST_ID_HEADER, "x-compute-request-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(str::to_owned)
}

/// Content type of an answer, without parameters.
pub(super) fn content_type(response: &Response) -> Option<&str> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// Why a body could not be read.
pub(super) enum ReadError {
    Http(reqwest::Error),
    TooLarge,
}

impl ReadError {
    pub fn into_client(
        self,
        transport: &Transport,
        url: &Url,
        service: &'static str,
        what: &str,
    ) -> ClientError {
        match self {
            Self::Http(error) => transport.failure(&error, url, what),
            Self::TooLarge => ClientError::Unreadable {
                service,
                what: what.to_owned(),
                reason: "it is larger than a client takes; ask for less at once".to_owned(),
            },
        }
    }
}

/// Reads a body of at most `max` bytes.
pub(super) async fn read_bounded(
    mut response: Response,
    max: usize,
) -> std::result::Result<Vec<u8>, ReadError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut body = Vec::with_capacity(announced as usize);
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Http)? {
        if body.len() + chunk.len() > max {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
