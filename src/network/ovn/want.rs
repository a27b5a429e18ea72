//! Rows that a database shall have, before they have identifiers: each is known by a key, and names others by theirs.

use std::collections::{BTreeMap, BTreeSet};

/// What one row of ours is about: `port:9f…`. It is kept in the row's `external_ids`.
pub type Key = String;

/// Whoever owns a row, in its `external_ids`.
pub const OWNER: (&str, &str) = ("skydeck-owner", "skydeck");
/// Where a row's key is kept, in its `external_ids`.
pub const KEY: &str = "skydeck-key";

/// A column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Number(i64),
    /// A boolean.
    Flag(bool),
    /// A set of strings.
    Texts(BTreeSet<String>),
    /// A map of strings.
    Map(BTreeMap<String, String>),
    /// One row, or none; its table is the column's.
    Ref(Option<Key>),
    /// Rows; their table is the column's.
    Refs(BTreeSet<Key>),
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRow {
    /// Its table.
    pub table: Table,
    /// Its columns but `external_ids`; those that are not named are left as they are.
    pub columns: BTreeMap<&'static str, Value>,
    /// What its `external_ids` say besides whose it is.
    pub notes: BTreeMap<&'static str, String>,
}

/// A table of the northbound database that has rows of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Sets of addresses.
    AddressSet,
    /// Rules.
    Acl,
    /// What DHCP says.
    Dhcp,
    /// Names.
    Dns,
    /// Where a router's way out may be.
    GatewayChassis,
    /// Routers.
    Router,
    /// Their ports.
    RouterPort,
    /// Their routes.
    Route,
    /// Their translations.
    Nat,
    /// Groups of ports.
    PortGroup,
    /// Switches.
    Switch,
    /// Their ports.
    SwitchPort,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::AddressSet,
        Self::Acl,
        Self::Dhcp,
        Self::Dns,
        Self::GatewayChassis,
        Self::Router,
        Self::RouterPort,
        Self::Route,
        Self::Nat,
        Self::PortGroup,
        Self::Switch,
        Self::SwitchPort,
    ];

    /// Its name in the schema (ovn-nb(5)).
    pub fn name(self) -> &'static str {
        match self {
            Self::AddressSet => "Address_Set",
            Self::Acl => "ACL",
            Self::Dhcp => "DHCP_Options",
            Self::Dns => "DNS",
            Self::GatewayChassis => "Gateway_Chassis",
            Self::Router => "Logical_Router",
            Self::RouterPort => "Logical_Router_Port",
            Self::Route => "Logical_Router_Static_Route",
            Self::Nat => "NAT",
            Self::PortGroup => "Port_Group",
            Self::Switch => "Logical_Switch",
            Self::SwitchPort => "Logical_Switch_Port",
        }
    }

    /// Whether rows stay although none names them.
    pub fn is_root(self) -> bool {
        matches!(
            self,
            Self::AddressSet
                | Self::Dhcp
                | Self::Dns
                | Self::Router
                | Self::PortGroup
                | Self::Switch
        )
    }
}

/// All rows that the database shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// By key.
    pub rows: BTreeMap<Key, WantedRow>,
}

impl Want {
    /// Adds a row; answers with its key.
    pub fn add(
        &mut self,
        table: Table,
        key: impl Into<Key>,
        columns: impl IntoIterator<Item = (&'static str, Value)>,
        notes: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Key {
        let key = key.into();
        let row = WantedRow {
            table,
            columns: columns.into_iter().collect(),
            notes: notes.into_iter().collect(),
        };
        self.rows.insert(key.clone(), row);
        key
    }
}

/// A string's value.
pub fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// A set's value.
pub fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::Texts(texts.into_iter().map(Into::into).collect())
}

/// A map's value.
pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let pairs = pairs.into_iter();
    Value::Map(
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
