//! Who may do what: `config/policy.toml`, deny by default.

use std::collections::HashMap;

use super::{Actor, Rank};
use crate::error::{Error, Result};

/// The built-in rules.
const DEFAULTS: &str = include_str!("../../config/policy.toml");

/// The least that a rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing.
    Public,
    /// A ticket of the depot for this very thing; no token stands in for it.
    Ticket,
    /// A valid token.
    Any,
    /// A role on a project.
    Role(Rank),
}

/// All rules.
pub struct Policy {
    rules: HashMap<String, Need>,
}

impl Policy {
    /// The built-in rules. An error names the rule whose value is not known.
    pub fn built_in() -> std::result::Result<Self, String> {
        let tables: HashMap<String, HashMap<String, String>> =
            toml::from_str(DEFAULTS).map_err(|error| error.to_string())?;
        let mut rules = HashMap::new();
        for (service, table) in tables {
            for (name, value) in table {
                let need = match value.as_str() {
                    "public" => Need::Public,
                    "ticket" => Need::Ticket,
                    "any" => Need::Any,
                    "reader" => Need::Role(Rank::Reader),
                    "member" => Need::Role(Rank::Member),
                    "admin" => Need::Role(Rank::Admin),
                    other => {
                        return Err(format!(
                            "{service}:{name} is {other:?}, which is none of public, ticket, any, reader, member, admin"
                        ));
                    }
                };
                rules.insert(format!("{service}:{name}"), need);
            }
        }
        Ok(Self { rules })
    }

    /// What a rule asks for; `None` (deny) if there is no such rule.
    pub fn need(&self, rule: &str) -> Option<Need> {
        self.rules.get(rule).copied()
    }

    /// Succeeds if `actor` has what the rule asks for.
    pub fn check(&self, rule: &str, actor: Option<&Actor>) -> Result<()> {
        let Some(need) = self.need(rule) else {
            return Err(Error::Forbidden(format!("no rule allows {rule}")));
        };
        if need == Need::Public {
            return Ok(());
        }
        if need == Need::Ticket {
            return Err(Error::Unauthorized(format!(
                "{rule} is for nodes, with a ticket"
            )));
        }
        let actor = actor.ok_or_else(|| {
            Error::Unauthorized("The request you have made requires authentication.".into())
        })?;
        match need {
            Need::Public | Need::Ticket | Need::Any => Ok(()),
            Need::Role(rank) if actor.rank >= Some(rank) => Ok(()),
            Need::Role(rank) => Err(Error::Forbidden(format!(
                "{rule} needs the role {}; {} does not have it here",
                match rank {
                    Rank::Reader => "reader",
                    Rank::Member => "member",
                    Rank::Admin => "admin",
                },
                actor.user_name
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_the_lower_ones_and_what_is_not_named_is_denied() {
        let policy = Policy::built_in().unwrap();
        let actor = |rank| Actor {
            rank,
            ..Actor::system()
        };
        for (rule, rank, allowed) in [
            ("api:version:show", None, true),
            ("skydeck:operation:list", None, false),
            ("skydeck:operation:list", Some(Rank::Reader), true),
            ("skydeck:operation:abort", Some(Rank::Reader), false),
            ("skydeck:operation:abort", Some(Rank::Admin), true),
            ("no:such:rule", Some(Rank::Admin), false),
            ("depot:image:read", Some(Rank::Admin), false),
        ] {
            assert_eq!(
                policy.check(rule, Some(&actor(rank))).is_ok(),
                allowed,
                "{rule} {rank:?}"
            );
        }
        assert!(matches!(
            policy.check("skydeck:whoami:show", None),
            Err(Error::Unauthorized(_))
        ));
    }
}
