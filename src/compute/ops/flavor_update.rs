//! What of a flavor can change: its description and its extra specs. Sizes never do; servers were promised them.

use std::collections::BTreeMap;

use super::flavor_create::description;
use crate::compute::model::Flavor;
use crate::compute::store;
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};

/// Extra specs of one flavor at most.
const MOST: usize = 128;
/// Characters of a key and of a value at most.
const LONGEST: usize = 255;

/// Changes the description; `None` removes it.
pub async fn flavor_describe(cx: &Context, id: &str, text: Option<&str>) -> Result<Flavor> {
    description(text)?;
    let mut tx = cx.db.begin().await?;
    store::flavor::describe(&mut tx, id, text).await?;
    let flavor = store::flavor::find(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("flavor", id))?;
    tx.commit().await?;
    tell(cx, &flavor);
    Ok(flavor)
}

fn tell(cx: &Context, flavor: &Flavor) {
    let event = Event::new("flavor", &flavor.id, None, Change::Updated);
    cx.events.publish(event.named(&flavor.name));
}

/// Sets extra specs; others stay.
pub async fn flavor_extra_specs_set(
    cx: &Context,
    id: &str,
    specs: &BTreeMap<String, String>,
) -> Result<Flavor> {
    for (key, value) in specs {
        let valid = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | ':');
        if key.is_empty() || key.chars().count() > LONGEST || !key.chars().all(valid) {
            return Err(Error::invalid(
                format!("extra_specs.{key}"),
                format!("a key has 1 to {LONGEST} letters, digits, spaces, or . - _ :"),
            ));
        }
        if value.chars().count() > LONGEST {
            return Err(Error::invalid(
                format!("extra_specs.{key}"),
                format!("a value has at most {LONGEST} characters"),
            ));
        }
    }
    change(cx, id, |extra_specs| {
        extra_specs.extend(specs.clone());
        if extra_specs.len() > MOST {
            return Err(Error::invalid(
                "extra_specs",
                format!("a flavor has at most {MOST}"),
            ));
        }
        Ok(())
    })
    .await
}

/// Removes one extra spec.
pub async fn flavor_extra_spec_delete(cx: &Context, id: &str, key: &str) -> Result<Flavor> {
    change(cx, id, |extra_specs| {
        let removed = extra_specs.remove(key);
        removed
            .map(|_| ())
            .ok_or_else(|| Error::not_found("extra spec", format!("{key} of flavor {id}")))
    })
    .await
}

async fn change(
    cx: &Context,
    id: &str,
    edit: impl FnOnce(&mut BTreeMap<String, String>) -> Result<()>,
) -> Result<Flavor> {
    let mut tx = cx.db.begin().await?;
    let before = store::flavor::find(&mut tx, id)
        .await?
        .ok_or_else(|| Error::not_found("flavor", id))?;
    let mut after = before.clone();
    edit(&mut after.extra_specs)?;
    if !store::flavor::extra_specs(&mut tx, &before, &after).await? {
        return Err(Error::conflict(format!(
            "somebody else changed flavor {id} at the same time; try again"
        )));
    }
    tx.commit().await?;
    tell(cx, &after);
    Ok(after)
}
