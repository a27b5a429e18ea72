//! A request or an answer as a message of AMQP.
//!
//! The body is the payload's JSON. Around it, as properties: `message_id`, `type` (the method), `reply_to`, `expiration`;
//! as headers: `operation`, `resource` and `turn`, `deadline` (microseconds since 1970 by the sender's clock) and `version`, that of this
//! envelope. An answer's body is `{"ok": …}` or `{"fault": …}` under the request's id as `correlation_id`.
//!
//! **Too late.** The broker drops what expires while it waits, by its own clock, and a server begins with what it is given
//! at once; so a request that is begun is in time. The deadline is for what those two can not see: a message kept by a
//! broker that stood still, or given anew after a long work. Clocks differ, so it counts only [`SLACK`] later.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bus::{Fault, FaultKind, Incoming, MAX_MESSAGE, Turn};
use crate::ids::Time;

/// Version of the envelope. A receiver takes this one and those before it.
const VERSION: i64 = 1;
/// How much clocks may differ before a request that is in time is taken for late.
const SLACK: Duration = Duration::from_secs(300);

/// An answer's body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Value),
    Fault(Fault),
}

/// A request or message that is to be forgotten after `ttl`: its properties and body.
pub(super) fn request(
    incoming: &Incoming,
    id: &str,
    reply_to: Option<&str>,
    ttl: Duration,
) -> Result<(BasicProperties, Vec<u8>), serde_json::Error> {
    let micros = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    let mut headers = FieldTable::default();
    headers.insert("version".into(), AMQPValue::LongLongInt(VERSION));
    headers.insert(
        "deadline".into(),
        AMQPValue::LongLongInt(Time::now().0.saturating_add(micros)),
    );
    if let Some(operation) = incoming.operation {
        headers.insert(
            "operation".into(),
            AMQPValue::LongString(operation.to_string().into()),
        );
    }
    if let Some(turn) = &incoming.turn {
        let resource = turn.resource.as_str().into();
        headers.insert("resource".into(), AMQPValue::LongString(resource));
        headers.insert("turn".into(), AMQPValue::LongLongInt(turn.number));
    }
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id(id.into())
        .with_type(incoming.method.as_str().into())
        .with_expiration(ttl.as_millis().max(1).to_string().into())
        .with_headers(headers);
    if let Some(queue) = reply_to {
        properties = properties.with_reply_to(queue.into());
    }
    Ok((properties, serde_json::to_vec(&incoming.payload)?))
}

/// The request of a message; a fault if it is none, or too late.
pub(super) fn read_request(delivery: &Delivery) -> Result<Incoming, Fault> {
    let refuse = |reason: String| Fault::new(FaultKind::Refused, reason);
    let properties = &delivery.properties;
    let method = properties
        .kind()
        .as_ref()
        .map(ToString::to_string)
        .ok_or_else(|| refuse("a message without a method".into()))?;
    let header = |name: &str| {
        let headers = properties.headers().as_ref()?;
        headers.inner().get(name)
    };
    let number = |name: &str| header(name).and_then(AMQPValue::as_long_long_int);
    let version = number("version").unwrap_or(VERSION);
    if version > VERSION {
        return Err(refuse(format!(
            "{method} comes in an envelope of version {version}, and this process knows only {VERSION}; upgrade it"
        )));
    }
    if delivery.data.len() > MAX_MESSAGE {
        return Err(refuse(format!(
            "{method} has {} bytes; {MAX_MESSAGE} are the most",
            delivery.data.len()
        )));
    }
    let deadline = number("deadline").unwrap_or(i64::MAX);
    let late = Time::now().0.saturating_sub(deadline);
    if u128::try_from(late).is_ok_and(|late| late > SLACK.as_micros()) {
        return Err(Fault::new(
            FaultKind::Unavailable,
            format!(
                "{method} came {} s after its deadline and was not begun; if that goes on, set the clocks of this host and of the control processes",
                late / 1_000_000
            ),
        ));
    }
    let text = |name: &str| header(name).and_then(AMQPValue::as_long_string);
    let turn = text("resource").zip(number("turn"));
    let operation = match text("operation") {
        None => None,
        Some(text) => Some(
            text.to_string()
                .parse()
                .map_err(|_| refuse(format!("{method} names an operation that is no id")))?,
        ),
    };
    let payload = serde_json::from_slice(&delivery.data)
        .map_err(|error| refuse(format!("{method} is no JSON: {error}")))?;
    Ok(Incoming {
        method,
        operation,
        turn: turn.map(|(resource, number)| Turn {
            resource: resource.to_string(),
            number,
        }),
        payload,
    })
}

/// An answer to the request with this id.
pub(super) fn reply(
    id: &str,
    answer: Result<Value, Fault>,
) -> Result<(BasicProperties, Vec<u8>), serde_json::Error> {
    let answer = match answer {
        Ok(value) => Answer::Ok(value),
        Err(fault) => Answer::Fault(fault),
    };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_correlation_id(id.into());
    Ok((properties, serde_json::to_vec(&answer)?))
}

/// The answer in a message, and the id of what it answers; `None` if it is none.
pub(super) fn read_reply(delivery: &Delivery) -> Option<(String, Result<Value, Fault>)> {
    let id = delivery.properties.correlation_id().as_ref()?.to_string();
    let unreadable = |reason: String| {
        Err(Fault::new(
            FaultKind::Unavailable,
            format!("the answer can not be read: {reason}"),
        ))
    };
    if delivery.data.len() > MAX_MESSAGE + 1024 {
        return Some((id, unreadable("it is too large".into())));
    }
    let answer = match serde_json::from_slice(&delivery.data) {
        Ok(Answer::Ok(value)) => Ok(value),
        Ok(Answer::Fault(fault)) => Err(fault),
        Err(error) => unreadable(error.to_string()),
    };
    Some((id, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OperationId;

    fn delivery((properties, data): (BasicProperties, Vec<u8>)) -> Delivery {
        let mut delivery = Delivery::mock(1, "".into(), "".into(), false, data);
        delivery.properties = properties;
        delivery
    }

    fn asked() -> Incoming {
        Incoming {
            method: "count".into(),
            operation: Some(OperationId::new()),
            turn: Some(Turn {
                resource: "a-server".into(),
                number: 7,
            }),
            payload: serde_json::json!({"to": 3}),
        }
    }

    fn with_header(name: &'static str, value: i64) -> Delivery {
        let (properties, data) = request(&asked(), "1", None, Duration::from_secs(9)).unwrap();
        let mut headers = properties.headers().clone().unwrap();
        headers.insert(name.into(), AMQPValue::LongLongInt(value));
        delivery((properties.with_headers(headers), data))
    }

    #[test]
    fn a_request_and_an_answer_come_back_as_they_were() {
        let asked = asked();
        let sent = request(&asked, "1", Some("r"), Duration::from_millis(1500)).unwrap();
        let expiration = sent.0.expiration().clone().unwrap();
        assert_eq!(expiration.as_str(), "1500");
        let got = read_request(&delivery(sent)).unwrap();
        assert_eq!(
            (got.method, got.operation, got.turn, got.payload),
            (asked.method, asked.operation, asked.turn, asked.payload)
        );
        for answer in [
            Ok(Value::from(3)),
            Err(Fault::new(FaultKind::Conflict, "no")),
        ] {
            let sent = reply("7", answer.clone()).unwrap();
            assert_eq!(read_reply(&delivery(sent)), Some(("7".into(), answer)));
        }
    }

    #[test]
    fn what_is_newer_later_or_no_request_is_refused_and_unknown_things_are_tolerated() {
        assert!(read_request(&with_header("version", 0)).is_ok());
        assert!(read_request(&with_header("anything", 5)).is_ok());
        let fault = read_request(&with_header("version", 2)).unwrap_err();
        assert!(fault.message.contains("upgrade"), "{fault}");
        let at = |seconds| Time::now().plus_seconds(seconds).0;
        // Within what clocks may differ.
        assert!(read_request(&with_header("deadline", at(-200))).is_ok());
        let fault = read_request(&with_header("deadline", at(-400))).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unavailable);
        let (_, data) = request(&asked(), "1", None, Duration::from_secs(9)).unwrap();
        assert!(read_request(&delivery((BasicProperties::default(), data))).is_err());
        let (properties, _) = request(&asked(), "1", None, Duration::from_secs(9)).unwrap();
        assert!(read_request(&delivery((properties, b"{".to_vec()))).is_err());
        // A fault of a kind that a newer server has.
        let body = br#"{"fault": {"kind": "tired", "message": "m", "since": 3}}"#.to_vec();
        let properties = BasicProperties::default().with_correlation_id("1".into());
        let (_, answer) = read_reply(&delivery((properties, body))).unwrap();
        assert_eq!(answer.unwrap_err().kind, FaultKind::Unavailable);
    }
}
