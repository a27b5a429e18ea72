//! What compute needs before it can serve: checked settings, and flavors to begin with.

use std::collections::BTreeMap;

use super::host_list::scheduler_rules;
use crate::compute::model::Flavor;
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::Result;
use crate::ids::Time;

/// Id, name, processors, MiB, GiB. The ids are those that OpenStack's own examples use.
const FLAVORS: [(&str, &str, u32, u64, u64); 6] = [
    ("42", "m1.nano", 1, 96, 1),
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16_384, 160),
];

/// To be called once at the start of a control process. An error names a setting that is wrong. The flavors are made at
/// the first start of a cloud only: one that an operator deleted does not come back.
pub async fn compute_start(cx: &Context) -> Result<()> {
    scheduler_rules(cx)?;
    let mut tx = cx.db.begin().await?;
    if !store::flavor::seed(&mut tx, "flavors").await? {
        return Ok(());
    }
    for (id, name, vcpus, memory_mb, disk_gb) in FLAVORS {
        let flavor = Flavor {
            id: id.to_owned(),
            name: name.to_owned(),
            vcpus,
            memory_mb,
            disk_gb,
            ephemeral_gb: 0,
            swap_mb: 0,
            rxtx_factor: 1.0,
            is_public: true,
            description: None,
            extra_specs: BTreeMap::new(),
            created_at: Time::now(),
        };
        store::flavor::insert(&mut tx, &flavor).await?;
    }
    tx.commit().await?;
    for (id, ..) in FLAVORS {
        cx.events.changed("flavor", id, None, Change::Created);
    }
    Ok(())
}
