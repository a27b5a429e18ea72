//! What forms about servers choose from, with what helps to choose.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::client::{Client, ClientError};
use crate::compute::wire::{AbsoluteLimits, Flavor};
use crate::image::wire::Image;
use crate::tui::format;
use crate::tui::state::load::Part;
use crate::tui::value::natural;
use crate::tui::view::Facts;
use crate::tui::widgets::field::Choice;

/// What the project may use of compute, and uses.
pub struct Limits(pub AbsoluteLimits);

impl Part for Limits {
    const KIND: &'static str = "server.limits";
    const EVERY: i64 = 15;

    fn load(client: Client, _id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>> {
        Box::pin(async move { client.limits_show().await.map(Self) })
    }
}

/// Flavors that may be used, the smallest first.
pub fn flavor_choices(facts: &Facts<'_>) -> Vec<Choice> {
    let mut flavors: Vec<&Flavor> = facts
        .data
        .rows::<Flavor>()
        .iter()
        .filter(|flavor| !flavor.disabled)
        .collect();
    flavors.sort_by_key(|flavor| (flavor.ram, flavor.vcpus, flavor.disk));
    flavors
        .into_iter()
        .map(|flavor| Choice::new(&flavor.id, &flavor.name, flavor_words(flavor)))
        .collect()
}

/// `2 vCPU  4.0 GiB RAM  20 GiB disk`.
pub fn flavor_words(flavor: &Flavor) -> String {
    let ram = format::bytes(flavor.ram as f64 * 1_048_576.0);
    let disk = match flavor.disk {
        0 => "disk as the image".to_owned(),
        disk => format!("{disk} GiB disk"),
    };
    format!("{} vCPU  {ram} RAM  {disk}", flavor.vcpus)
}

/// Images that servers can be made from, by name.
pub fn image_choices(facts: &Facts<'_>) -> Vec<Choice> {
    let mut images: Vec<&Image> = facts
        .data
        .rows::<Image>()
        .iter()
        .filter(|image| image.status == "active")
        .collect();
    let name = |image: &Image| image.name.clone().unwrap_or_default();
    images.sort_by(|a, b| natural(&name(a), &name(b)));
    images
        .into_iter()
        .map(|image| {
            let size = image
                .size
                .map(|size| format::bytes(size as f64))
                .unwrap_or_default();
            let kind = image.disk_format.as_deref().unwrap_or_default();
            let label = image
                .name
                .as_deref()
                .filter(|name| !name.is_empty())
                .unwrap_or(&image.id);
            Choice::new(
                &image.id,
                label,
                format!("{kind}  {size}  {}", image.visibility),
            )
        })
        .collect()
}
