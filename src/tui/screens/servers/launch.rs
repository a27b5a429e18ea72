//! The form that launches servers: checked as one types, then a plan, then done.

use crate::compute::wire::{
    Flavor, Keypair, NetworkRequested, Networks, NetworksWord, Server, ServerCreate,
    ServerCreateRequest,
};
use crate::image::wire::Image;
use crate::network::wire::{Network, Subnet};
use crate::tui::cx::Cx;
use crate::tui::files;
use crate::tui::format::{self, count};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::state::load::Need;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;

use super::facts::{Limits, flavor_choices, image_choices};
use super::plan::{Launch, Plan};

/// Servers made at once at most.
const MOST: u64 = 200;
/// Bytes of user data at most; it is sent in base64, of which 65,535 are taken.
const USER_DATA: usize = 49_000;

struct LaunchSheet {
    /// Image chosen before the form was opened.
    image: Option<String>,
}

/// Opens the form.
pub fn open(facts: &Facts<'_>) -> Box<dyn Overlay> {
    Box::new(FormOverlay::new(
        Box::new(LaunchSheet { image: None }),
        facts,
    ))
}

/// Opens the form with an image chosen.
pub fn open_from(image: &Image, facts: &Facts<'_>) -> Box<dyn Overlay> {
    let image = Some(image.id.clone());
    Box::new(FormOverlay::new(Box::new(LaunchSheet { image }), facts))
}

impl Sheet for LaunchSheet {
    fn title(&self) -> String {
        "Launch servers".to_owned()
    }

    fn fields(&self, _facts: &Facts<'_>) -> Vec<Field> {
        let image = Field::choice("image", "Image", "What the root disk is made from").required();
        vec![
            Field::text("name", "Name", "With several, -1, -2, … are added").required(),
            match &self.image {
                Some(id) => image.with(id),
                None => image,
            },
            Field::choice("flavor", "Flavor", "Processors, memory and root disk").required(),
            Field::choices(
                "networks",
                "Networks",
                "One interface for each; space marks, none means none",
            ),
            Field::choice(
                "key",
                "Key pair",
                "Its public key goes into the guest, for ssh; backspace takes it out",
            ),
            Field::area(
                "user_data",
                "User data",
                "A script or #cloud-config for the first boot; @/path takes a file",
            ),
            Field::number("count", "Count", "How many alike", (1, MOST), "servers").with("1"),
        ]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        vec![
            Need::list::<Image>(),
            Need::list::<Flavor>(),
            Need::list::<Network>(),
            Need::list::<Subnet>(),
            Need::list::<Keypair>(),
            Need::part::<Limits>(""),
        ]
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        if facts.data.is_loaded::<Image>() {
            form.offer("image", image_choices(facts));
        }
        if facts.data.is_loaded::<Flavor>() {
            form.offer("flavor", flavor_choices(facts));
        }
        if facts.data.is_loaded::<Network>() {
            form.offer("networks", networks(facts));
            if let [only] = inner_networks(facts).as_slice() {
                form.suggest("networks", &only.id);
            }
        }
        if facts.data.is_loaded::<Keypair>() {
            let keys = facts.data.rows::<Keypair>();
            form.offer("key", keys.iter().map(key_choice).collect());
            if let [only] = keys {
                form.suggest("key", &only.name);
            }
        }
    }

    fn check(&self, form: &Form, facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if form.value("name").chars().count() > 255 {
            wrong.push(("name", "at most 255 characters".to_owned()));
        }
        if form.value("user_data").len() > USER_DATA {
            wrong.push((
                "user_data",
                format!("at most {}", format::bytes(USER_DATA as f64)),
            ));
        }
        let flavor = facts.data.get::<Flavor>(&form.value("flavor"));
        if let (Some(flavor), Some(image)) = (flavor, facts.data.get::<Image>(&form.value("image")))
        {
            wrong.extend(too_small(flavor, image).map(|why| ("flavor", why)));
        }
        if let (Some(flavor), Some(limits)) = (flavor, facts.data.part::<Limits>("")) {
            let servers = form.number("count").unwrap_or(1);
            wrong.extend(over_quota(flavor, servers, limits).map(|why| ("count", why)));
        }
        wrong
    }

    fn outlook(&self, form: &Form, facts: &Facts<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        let name = form.value("name");
        let same = facts
            .data
            .rows::<Server>()
            .iter()
            .any(|server| server.name == name);
        if same && !name.is_empty() {
            lines.push(format!(
                "There is a server called {name} already; that is allowed."
            ));
        }
        if facts.data.is_loaded::<Image>() && image_choices(facts).is_empty() {
            lines.push(
                "There is no image to launch from: bring one in on images, with n.".to_owned(),
            );
        }
        let Some(limits) = facts.data.part::<Limits>("") else {
            return lines;
        };
        let flavor = facts.data.get::<Flavor>(&form.value("flavor"));
        let servers = i64::try_from(form.number("count").unwrap_or(1)).unwrap_or(1);
        let (cores, ram) = flavor.map_or((0, 0), |flavor| {
            let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            (signed(flavor.vcpus) * servers, signed(flavor.ram) * servers)
        });
        let limits = &limits.0;
        let left = |most: i64, used: i64, adds: i64, words: fn(i64) -> String| match most {
            -1 => "no limit".to_owned(),
            most if most < used + adds => format!("{} too many", words(used + adds - most)),
            most => words(most - used - adds),
        };
        lines.push(format!(
            "Left of the quota afterwards: servers {}, processors {}, memory {}",
            left(
                limits.max_total_instances,
                limits.total_instances_used,
                servers,
                |left| left.to_string()
            ),
            left(
                limits.max_total_cores,
                limits.total_cores_used,
                cores,
                |left| left.to_string()
            ),
            left(
                limits.max_total_ram_size,
                limits.total_ram_used,
                ram,
                |mib| format::bytes(mib as f64 * 1_048_576.0)
            ),
        ));
        lines
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let launch = launch(form);
        let lines = summary(form, &cx.facts);
        cx.open(Box::new(Plan::new(
            launch,
            lines,
            cx.facts.session.extended,
        )));
    }
}

fn launch(form: &Form) -> Launch {
    let chosen = form.chosen("networks");
    let networks = if chosen.is_empty() {
        Networks::Word(NetworksWord::None)
    } else {
        let requested = |uuid| NetworkRequested {
            uuid: Some(uuid),
            ..NetworkRequested::default()
        };
        Networks::List(chosen.into_iter().map(requested).collect())
    };
    let servers = u32::try_from(form.number("count").unwrap_or(1)).unwrap_or(1);
    let typed = form.value("user_data");
    let file = typed.trim().strip_prefix('@').map(files::expand);
    let server = ServerCreate {
        name: form.value("name"),
        flavor_ref: form.value("flavor"),
        image_ref: form.filled("image"),
        networks: Some(networks),
        key_name: form.filled("key"),
        min_count: Some(servers),
        max_count: Some(servers),
        config_drive: Some(true),
        ..ServerCreate::default()
    };
    Launch {
        request: ServerCreateRequest {
            server,
            ..ServerCreateRequest::default()
        },
        user_data: Some(typed).filter(|text| !text.is_empty() && file.is_none()),
        user_data_file: file,
    }
}

/// What will be made, in words.
fn summary(form: &Form, facts: &Facts<'_>) -> Vec<(String, String)> {
    let servers = usize::try_from(form.number("count").unwrap_or(1)).unwrap_or(1);
    let flavor = facts.data.get::<Flavor>(&form.value("flavor"));
    let words = |labels: Vec<&str>| match labels.is_empty() {
        true => "none".to_owned(),
        false => labels.join(", "),
    };
    let mut lines = vec![
        (count(servers, "server"), form.value("name")),
        ("image".to_owned(), words(form.labels("image"))),
    ];
    if let Some(flavor) = flavor {
        lines.push((
            "flavor".to_owned(),
            format!("{}  {}", flavor.name, super::facts::flavor_words(flavor)),
        ));
    }
    lines.push(("networks".to_owned(), words(form.labels("networks"))));
    lines.push(("key pair".to_owned(), words(form.labels("key"))));
    let typed = form.value("user_data");
    if !typed.is_empty() {
        let first = typed.lines().next().unwrap_or_default().to_owned();
        lines.push(("user data".to_owned(), first));
    }
    lines
}

fn too_small(flavor: &Flavor, image: &Image) -> Option<String> {
    const GIB: u64 = 1 << 30;
    if flavor.ram < image.min_ram {
        return Some(format!("the image needs {} MiB of memory", image.min_ram));
    }
    let disk = image
        .min_disk
        .max(image.virtual_size.unwrap_or(0).div_ceil(GIB));
    if flavor.disk > 0 && flavor.disk < disk {
        return Some(format!("the image needs a disk of {disk} GiB"));
    }
    None
}

fn over_quota(flavor: &Flavor, servers: u64, limits: &Limits) -> Option<String> {
    let limits = &limits.0;
    let uses = [
        (
            "servers",
            1,
            limits.max_total_instances,
            limits.total_instances_used,
        ),
        (
            "processors",
            flavor.vcpus,
            limits.max_total_cores,
            limits.total_cores_used,
        ),
        (
            "MiB of memory",
            flavor.ram,
            limits.max_total_ram_size,
            limits.total_ram_used,
        ),
    ];
    uses.into_iter().find_map(|(what, each, most, used)| {
        let wanted = i64::try_from(each.saturating_mul(servers)).unwrap_or(i64::MAX);
        let left = (most - used).max(0);
        (most >= 0 && wanted > left)
            .then(|| format!("the quota has {left} {what} left, {wanted} are needed"))
    })
}

fn inner_networks<'a>(facts: &Facts<'a>) -> Vec<&'a Network> {
    facts
        .data
        .rows::<Network>()
        .iter()
        .filter(|network| !network.subnets.is_empty())
        .collect()
}

fn networks(facts: &Facts<'_>) -> Vec<Choice> {
    let rows = facts.data.rows::<Network>().iter();
    rows.map(|network| {
        let subnets = network
            .subnets
            .iter()
            .filter_map(|id| facts.data.get::<Subnet>(id));
        let cidrs: Vec<&str> = subnets.map(|subnet| subnet.cidr.as_str()).collect();
        let note = if network.subnets.is_empty() {
            "no subnet, so no address".to_owned()
        } else {
            cidrs.join(" ")
        };
        Choice::new(&network.id, &network.name, note)
    })
    .collect()
}

fn key_choice(key: &Keypair) -> Choice {
    Choice::new(&key.name, &key.name, key.fingerprint.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::wire::AbsoluteLimits;

    #[test]
    fn an_image_asks_for_room() {
        let flavor = Flavor {
            ram: 512,
            disk: 5,
            ..Flavor::default()
        };
        let mut image = Image {
            min_ram: 1024,
            ..Image::default()
        };
        assert!(too_small(&flavor, &image).is_some_and(|why| why.contains("1024 MiB")));
        image.min_ram = 0;
        image.virtual_size = Some((5 << 30) + 1);
        assert!(too_small(&flavor, &image).is_some_and(|why| why.contains("6 GiB")));
        image.virtual_size = Some(5 << 30);
        assert_eq!(too_small(&flavor, &image), None);
    }

    #[test]
    fn the_quota_is_counted_for_all_of_them() {
        let limits = Limits(AbsoluteLimits {
            max_total_instances: 10,
            total_instances_used: 8,
            max_total_cores: -1,
            max_total_ram_size: 51_200,
            ..AbsoluteLimits::default()
        });
        let flavor = Flavor {
            vcpus: 64,
            ram: 512,
            ..Flavor::default()
        };
        assert_eq!(over_quota(&flavor, 2, &limits), None);
        assert!(over_quota(&flavor, 3, &limits).is_some_and(|why| why.contains("2 servers left")));
    }
}
