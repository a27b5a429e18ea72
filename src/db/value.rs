//! Values on their way into and out of statements. Five kinds, so that nothing depends on one engine's types.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow, AnyTypeInfoKind};
use sqlx::{Arguments, Row, TypeInfo, ValueRef};

use crate::ids::{DomainId, Id, Time};

/// An argument of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Whole number; also flags (0, 1) and times (microseconds).
    Int(Option<i64>),
    /// Floating point.
    Float(Option<f64>),
    /// Text; also ids and JSON.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

impl Value {
    /// A structure as JSON text.
    pub fn json<T: Serialize>(value: &T) -> Self {
        // Only a map with keys that are no strings can fail here, and no stored structure has one.
        Self::Text(Some(
            serde_json::to_string(value).unwrap_or_else(|_| "null".into()),
        ))
    }

    pub(super) fn add_to(
        self,
        arguments: &mut AnyArguments,
    ) -> Result<(), sqlx::error::BoxDynError> {
        match self {
            Self::Int(number) => arguments.add(number),
            Self::Float(number) => arguments.add(number),
            Self::Text(text) => arguments.add(text),
            Self::Blob(bytes) => arguments.add(bytes),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(Some(flag.into()))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Int(Some(time.0))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(Some(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(Some(bytes))
    }
}

impl<T> From<Id<T>> for Value {
    fn from(id: Id<T>) -> Self {
        Self::Text(Some(id.to_string()))
    }
}

impl From<DomainId> for Value {
    fn from(id: DomainId) -> Self {
        Self::Text(Some(id.to_string()))
    }
}

impl<T: Into<Value> + NullValue> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(T::NULL, Into::into)
    }
}

/// The absent value of a type; engines want to know what is absent.
pub trait NullValue {
    /// It.
    const NULL: Value;
}

impl NullValue for i64 {
    const NULL: Value = Value::Int(None);
}
impl NullValue for u32 {
    const NULL: Value = Value::Int(None);
}
impl NullValue for u64 {
    const NULL: Value = Value::Int(None);
}
impl NullValue for bool {
    const NULL: Value = Value::Int(None);
}
impl NullValue for Time {
    const NULL: Value = Value::Int(None);
}
impl NullValue for f64 {
    const NULL: Value = Value::Float(None);
}
impl NullValue for &str {
    const NULL: Value = Value::Text(None);
}
impl NullValue for String {
    const NULL: Value = Value::Text(None);
}
impl NullValue for &String {
    const NULL: Value = Value::Text(None);
}
impl NullValue for Vec<u8> {
    const NULL: Value = Value::Blob(None);
}
impl NullValue for DomainId {
    const NULL: Value = Value::Text(None);
}
impl<T> NullValue for Id<T> {
    const NULL: Value = Value::Text(None);
}

/// A type that a column can be read as. The error says what was found instead.
pub trait Column: Sized {
    /// Reads the column at this position.
    fn read(row: &AnyRow, at: usize) -> Result<Self, String>;
}

fn native<'r, T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(
    row: &'r AnyRow,
    at: usize,
) -> Result<T, String> {
    row.try_get(at).map_err(|error| error.to_string())
}

impl Column for i64 {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        native(row, at)
    }
}

impl Column for u32 {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        i64::read(row, at)?
            .try_into()
            .map_err(|_| "out of range".into())
    }
}

impl Column for u64 {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        i64::read(row, at)?
            .try_into()
            .map_err(|_| "negative".into())
    }
}

impl Column for bool {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        Ok(i64::read(row, at)? != 0)
    }
}

impl Column for Time {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        i64::read(row, at).map(Time)
    }
}

impl Column for f64 {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        let raw = row.try_get_raw(at).map_err(|error| error.to_string())?;
        let whole = matches!(
            raw.type_info().kind(),
            AnyTypeInfoKind::BigInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::SmallInt
        );
        #[expect(
            clippy::cast_precision_loss,
            reason = "a sum of whole numbers read as floating point"
        )]
        if whole {
            i64::read(row, at).map(|number| number as f64)
        } else {
            native(row, at)
        }
    }
}

impl Column for String {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        native(row, at)
    }
}

impl Column for Vec<u8> {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        native(row, at)
    }
}

impl<T> Column for Id<T> {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        native::<&str>(row, at)?
            .parse()
            .map_err(|_| "no UUID".into())
    }
}

impl Column for DomainId {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        native::<&str>(row, at)?
            .parse()
            .map_err(|_| "no id of a domain".into())
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &AnyRow, at: usize) -> Result<Self, String> {
        let raw = row.try_get_raw(at).map_err(|error| error.to_string())?;
        if raw.is_null() || raw.type_info().is_null() {
            Ok(None)
        } else {
            T::read(row, at).map(Some)
        }
    }
}

/// Reads JSON text as `T`.
pub(super) fn read_json<T: DeserializeOwned>(row: &AnyRow, at: usize) -> Result<T, String> {
    serde_json::from_str(native::<&str>(row, at)?).map_err(|error| error.to_string())
}
