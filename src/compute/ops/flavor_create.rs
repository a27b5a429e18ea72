//! Making flavors.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::compute::model::{Flavor, NewFlavor};
use crate::compute::store;
use crate::context::{Change, Context, Event};
use crate::error::{Error, Result};
use crate::ids::Time;

/// Longest id and name.
const LONGEST_NAME: usize = 255;
/// Longest description.
pub(super) const LONGEST_DESCRIPTION: usize = 65_535;
/// Largest number of anything, as Nova has it.
const LARGEST: u64 = 2_147_483_647;

/// Makes a flavor. Its id and name must be free.
pub async fn flavor_create(cx: &Context, new: NewFlavor) -> Result<Flavor> {
    let flavor = checked(new)?;
    let mut tx = cx.db.begin().await?;
    if store::flavor::find(&mut tx, &flavor.id).await?.is_some() {
        return Err(Error::conflict(format!(
            "Flavor with ID {} already exists.",
            flavor.id
        )));
    }
    if store::flavor::find_by_name(&mut tx, &flavor.name)
        .await?
        .is_some()
    {
        return Err(Error::conflict(format!(
            "Flavor with name {} already exists.",
            flavor.name
        )));
    }
    store::flavor::insert(&mut tx, &flavor).await?;
    tx.commit().await?;
    let event = Event::new("flavor", &flavor.id, None, Change::Created);
    cx.events.publish(event.named(&flavor.name));
    Ok(flavor)
}

fn checked(new: NewFlavor) -> Result<Flavor> {
    let name = new.name.trim();
    text("name", name)?;
    let id = match new.id.as_deref().map(str::trim) {
        None | Some("" | "auto") => Uuid::new_v4().to_string(),
        Some(id) => {
            text("flavorid", id)?;
            if !id
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_'))
            {
                return Err(Error::invalid(
                    "flavorid",
                    "only letters, digits, spaces, and . - _ are allowed",
                ));
            }
            id.to_owned()
        }
    };
    for (field, value, least) in [
        ("vcpus", new.vcpus, 1),
        ("ram", new.memory_mb, 1),
        ("disk", new.disk_gb, 0),
        ("OS-FLV-EXT-DATA:ephemeral", new.ephemeral_gb, 0),
        ("swap", new.swap_mb, 0),
    ] {
        if !(least..=LARGEST).contains(&value) {
            return Err(Error::invalid(
                field,
                format!("{value} is not allowed: {least} to {LARGEST} is"),
            ));
        }
    }
    if !(new.rxtx_factor > 0.0 && new.rxtx_factor < 1e9) {
        return Err(Error::invalid("rxtx_factor", "a number above 0 is needed"));
    }
    description(new.description.as_deref())?;
    Ok(Flavor {
        id,
        name: name.to_owned(),
        vcpus: u32::try_from(new.vcpus).unwrap_or(u32::MAX),
        memory_mb: new.memory_mb,
        disk_gb: new.disk_gb,
        ephemeral_gb: new.ephemeral_gb,
        swap_mb: new.swap_mb,
        rxtx_factor: new.rxtx_factor,
        is_public: new.is_public,
        description: new.description,
        extra_specs: BTreeMap::new(),
        created_at: Time::now(),
    })
}

fn text(field: &str, value: &str) -> Result<()> {
    let length = value.chars().count();
    if length == 0 || length > LONGEST_NAME || value.chars().any(char::is_control) {
        return Err(Error::invalid(
            field,
            format!("1 to {LONGEST_NAME} printable characters are needed"),
        ));
    }
    Ok(())
}

pub(super) fn description(text: Option<&str>) -> Result<()> {
    if text.is_some_and(|text| text.len() > LONGEST_DESCRIPTION) {
        return Err(Error::invalid(
            "description",
            format!("at most {LONGEST_DESCRIPTION} bytes are allowed"),
        ));
    }
    Ok(())
}
