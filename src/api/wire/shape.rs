//! Small shapes that occur in every service, and the ways serde reads what clouds really send.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde::{Deserialize, Serialize, Serializer};

/// Free key and value pairs of a resource. Nova and Cinder bound both to 255 characters.
pub type Metadata = BTreeMap<String, String>;

/// A hyperlink: `rel` is `self`, `bookmark`, `next`, `first`, `describedby`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// What the link is to this document.
    pub rel: String,
    /// The address.
    pub href: String,
    /// Media type, in version documents only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

impl Link {
    /// A link without a media type.
    pub fn new(rel: &str, href: impl Into<String>) -> Self {
        Self {
            rel: rel.to_owned(),
            href: href.into(),
            media_type: None,
        }
    }

    /// The address behind `rel` in a list of links.
    pub fn find<'a>(links: &'a [Link], rel: &str) -> Option<&'a str> {
        links
            .iter()
            .find(|link| link.rel == rel)
            .map(|link| link.href.as_str())
    }
}

/// Query parameters of paging that Nova, Neutron, Cinder and Glance share. Filters come beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageQuery {
    /// Most entries wanted; the cloud may give fewer and then says `next`.
    #[serde(
        deserialize_with = "flexible_int",
        skip_serializing_if = "Option::is_none"
    )]
    pub limit: Option<u64>,
    /// Id of the last entry of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Field to sort by; Cinder also writes `sort=key:dir,…` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_key: Option<String>,
    /// `asc` or `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_dir: Option<String>,
}

/// Text that must not appear in logs, errors or on the screen. On the wire it is a plain string.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. Hand it to what needs it, never to a formatter.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The body of an action that has none: written as `null`, read from anything, since clients send `null`, `{}` or text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nothing;

impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// An integer that some API versions write as text, with `""` for zero (a flavor's `swap`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrText {
    /// As a number.
    Int(u64),
    /// As text.
    Text(String),
}

impl IntOrText {
    /// The number; zero for text that is none.
    pub fn get(&self) -> u64 {
        match self {
            Self::Int(number) => *number,
            Self::Text(text) => text.trim().parse().unwrap_or(0),
        }
    }
}

impl Default for IntOrText {
    fn default() -> Self {
        Self::Int(0)
    }
}

/// Reads `null` as the default.
pub fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Tells a field that is `null` (`Some(None)`) from one that is absent (`None`, by `default`).
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Reads an integer written as a number or as decimal text; empty text and `null` are no integer.
pub fn flexible_int<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + FromStr,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written<T> {
        Int(T),
        Text(String),
    }
    match Option::<Written<T>>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Written::Int(number)) => Ok(Some(number)),
        Some(Written::Text(text)) if text.is_empty() => Ok(None),
        Some(Written::Text(text)) => text
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom(format!("'{text}' is not an integer in range"))),
    }
}

/// Reads a flag written as a boolean or as text (`True`, `false`, `1`, `yes`, `on`, …); empty text is no.
pub fn flexible_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Flag(bool),
        Text(String),
    }
    match Option::<Written>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Written::Flag(flag)) => Ok(Some(flag)),
        Some(Written::Text(text)) => parse_bool(&text)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("'{text}' is not a boolean"))),
    }
}

/// A flag as OpenStack reads it from text, in queries too.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" | "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_text_on_the_wire_and_stars_elsewhere() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hunter2\"");
    }

    #[test]
    fn nothing_is_read_from_anything() {
        for text in ["null", "{}", "\"\"", "[1]"] {
            assert_eq!(serde_json::from_str::<Nothing>(text).unwrap(), Nothing);
        }
        assert_eq!(serde_json::to_string(&Nothing).unwrap(), "null");
    }

    #[test]
    fn integers_and_flags_are_read_as_clients_write_them() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "flexible_int")]
            n: Option<u64>,
            #[serde(default, deserialize_with = "flexible_bool")]
            b: Option<bool>,
        }
        let read = |text| serde_json::from_str::<Body>(text).map(|body| (body.n, body.b));
        assert_eq!(
            read(r#"{"n":"3","b":"True"}"#).unwrap(),
            (Some(3), Some(true))
        );
        assert_eq!(read(r#"{"n":3,"b":""}"#).unwrap(), (Some(3), Some(false)));
        assert_eq!(read(r#"{"n":null}"#).unwrap(), (None, None));
        assert!(read(r#"{"n":"x"}"#).is_err());
        assert!(read(r#"{"n":-1}"#).is_err());
    }
}
