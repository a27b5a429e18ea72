//! Our tables in the kernel: made by `nft`, and compared with how they were made.
//!
//! `nft` writes rules back in another form than it takes them, so what is there can not be compared with what was asked
//! for. Instead, after each replacement its own listing is remembered by digest, beside the digest of what was asked
//! for, in a file that outlives the process. Invariant: the filter counts as intact only while the listing is the one
//! remembered.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dhcp::digest;
use super::error::HostError;
use super::files::write_private;
use super::filter::{FAMILIES, TABLE};
use super::plan::SeenFilter;
use super::program::Program;
use super::router;
use super::ruleset::{Table, difference, remove_tables};

pub(super) const NFT: Program = Program {
    name: "nft",
    package: "nftables",
};

const MODPROBE: Program = Program {
    name: "modprobe",
    package: "kmod",
};
/// Where the kernel says whether it shows bridged packets to the rules for packets.
const BRIDGED: &str = "/proc/sys/net/bridge";

/// Makes sure that the kernel can show bridged packets to the rules for packets: without that, security groups would not
/// be looked at. Bridges of ours ask for it themselves; those of others go on as they were.
pub async fn see_bridged() -> Result<(), HostError> {
    if Path::new(BRIDGED).exists() {
        return Ok(());
    }
    MODPROBE.run(&["br_netfilter"], b"").await?;
    for family in ["iptables", "ip6tables", "arptables"] {
        let path = format!("{BRIDGED}/bridge-nf-call-{family}");
        fs::write(&path, "0").map_err(HostError::file(path))?;
    }
    Ok(())
}

/// A packet filter of ours, in the namespace of the thread.
pub struct Nft {
    memory: PathBuf,
    place: Place,
}

/// Whose packet filter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The node's own.
    Node,
    /// A router's, in its namespace.
    Router,
}

impl Place {
    /// Families of its tables.
    fn families(self) -> &'static [&'static str] {
        match self {
            Self::Node => &FAMILIES,
            Self::Router => &router::FAMILIES,
        }
    }
}

/// How our tables were made last.
#[derive(Serialize, Deserialize)]
struct Memory {
    /// Digest of what was asked for.
    asked: String,
    /// Digest of what `nft` listed then.
    listing: String,
}

impl Nft {
    /// Remembers in the file `memory`.
    pub fn new(memory: PathBuf, place: Place) -> Self {
        Self { memory, place }
    }

    /// What is there of ours.
    pub async fn observe(&self) -> Result<SeenFilter, HostError> {
        let tables = read(NFT.run(&["-j", "list", "tables"], b"").await?)?;
        let ours = objects(&tables, "table")
            .filter(|table| table["name"] == TABLE)
            .count();
        if ours == 0 {
            return Ok(SeenFilter::Absent);
        }
        let memory = fs::read(&self.memory)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Memory>(&bytes).ok());
        if let Some(memory) = memory
            && ours == self.place.families().len()
            && self.listing().await? == memory.listing
        {
            return Ok(SeenFilter::Intact(memory.asked));
        }
        Ok(SeenFilter::Changed)
    }

    /// Replaces our tables by one transaction, and remembers how they look.
    pub async fn replace(&self, transaction: &Value) -> Result<(), HostError> {
        let transaction = transaction.to_string();
        NFT.run(&["-j", "-f", "-"], transaction.as_bytes()).await?;
        self.remember(digest(&transaction)).await?;
        match self.place {
            Place::Node => self.warn_of_others().await,
            Place::Router => Ok(()),
        }
    }

    /// Makes our tables of `before`, which they are exactly, at the cost of what differs; `false` if that can not be. How they
    /// look then is not known before [`Self::settle`]: until then they count as changed by somebody.
    pub async fn change(&self, before: &[Table], tables: &[Table]) -> Result<bool, HostError> {
        let Some(transaction) = difference(before, tables) else {
            return Ok(false);
        };
        self.forget()?;
        NFT.run(&["-j", "-f", "-"], transaction.to_string().as_bytes())
            .await?;
        Ok(true)
    }

    /// Remembers how our tables look, which were made of what has this digest, unless that is known.
    pub async fn settle(&self, asked: impl FnOnce() -> String) -> Result<(), HostError> {
        if self.memory.exists() {
            return Ok(());
        }
        self.remember(asked()).await
    }

    async fn remember(&self, asked: String) -> Result<(), HostError> {
        let memory = Memory {
            asked,
            listing: self.listing().await?,
        };
        let text = serde_json::to_vec(&memory).unwrap_or_default();
        write_private(&self.memory, &text)
    }

    /// Removes our tables.
    pub async fn remove(&self) -> Result<(), HostError> {
        let commands = remove_tables(self.place.families());
        let transaction = json!({ "nftables": commands }).to_string();
        NFT.run(&["-j", "-f", "-"], transaction.as_bytes()).await?;
        self.forget()
    }

    /// Forgets how our tables were made: they went with their namespace.
    pub fn forget(&self) -> Result<(), HostError> {
        match fs::remove_file(&self.memory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(HostError::file(&self.memory)(error))
            }
            _ => Ok(()),
        }
    }

    /// Digest of everything in our tables.
    async fn listing(&self) -> Result<String, HostError> {
        let mut all = Vec::new();
        for family in self.place.families() {
            let mut listing = read(
                NFT.run(&["-j", "list", "table", family, TABLE], b"")
                    .await?,
            )?;
            normalize(&mut listing);
            all.push(listing);
        }
        Ok(digest(&Value::Array(all).to_string()))
    }

    /// A verdict of ours can not save a packet from another's: says so where that is likely to happen.
    async fn warn_of_others(&self) -> Result<(), HostError> {
        let chains = read(NFT.run(&["-j", "list", "chains"], b"").await?)?;
        for chain in objects(&chains, "chain") {
            if chain["hook"] == "forward" && chain["policy"] == "drop" {
                tracing::warn!(
                    table = %chain["table"], chain = %chain["name"],
                    "this machine's own firewall drops forwarded packets unless it is told to accept them; if guests do \
                     not reach the world, accept there what comes from and goes to interfaces named sdb-*"
                );
            }
        }
        Ok(())
    }
}

pub(super) fn read(bytes: Vec<u8>) -> Result<Value, HostError> {
    serde_json::from_slice(&bytes).map_err(|error| HostError::Program {
        program: NFT.name,
        complaint: format!("its answer can not be read: {error}"),
    })
}

/// Objects of one kind in an answer of `nft`.
pub(super) fn objects<'a>(answer: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = answer["nftables"].as_array().into_iter().flatten();
    all.filter_map(move |object| object.get(kind))
}

/// Takes out what differs though nothing changed: handles, the program's version, and the order of elements.
fn normalize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("handle");
            fields.remove("metainfo");
            // What counters have counted.
            fields.remove("packets");
            fields.remove("bytes");
            fields.values_mut().for_each(normalize);
            if let Some(Value::Array(elements)) = fields.get_mut("elem") {
                elements.sort_by_cached_key(Value::to_string);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(normalize),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_and_the_order_of_elements_do_not_matter_but_rules_do() {
        let listing = |handle: u32, elements: [&str; 2], verdict: &str| {
            let mut value = json!({"nftables": [
                {"metainfo": {"version": handle}},
                {"set": {"handle": handle, "elem": elements}},
                {"rule": {"handle": handle, "expr": [{verdict: null}]}},
            ]});
            normalize(&mut value);
            value
        };
        assert_eq!(
            listing(1, ["a", "b"], "drop"),
            listing(2, ["b", "a"], "drop")
        );
        assert_ne!(
            listing(1, ["a", "b"], "drop"),
            listing(1, ["a", "b"], "accept")
        );
    }
}
