//! Forms about servers: another name, another flavor, another image, a snapshot, volumes.

use crate::api::wire::Metadata;
use crate::compute::wire::{
    CreateImage, Flavor, Rebuild, Resize, Server, ServerAction, ServerFields, VolumeAttach,
};
use crate::image::wire::Image;
use crate::tui::cx::{Cx, Prepared};
use crate::tui::effect::{Done, Request, call};
use crate::tui::format;
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::overlays::form::{FormOverlay, Sheet};
use crate::tui::screens::action::target;
use crate::tui::state::load::Need;
use crate::tui::view::Facts;
use crate::tui::widgets::field::{Choice, Field};
use crate::tui::widgets::form::Form;
use crate::volume::wire::Volume;

use super::facts::{flavor_choices, image_choices};

/// What a form about servers asks.
enum Subject {
    Rename,
    Resize,
    Rebuild,
    Snapshot,
    Attach,
    Detach,
}

/// A form about some servers.
struct About {
    subject: Subject,
    servers: Vec<Server>,
}

fn open(subject: Subject, servers: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    let about = About {
        subject,
        servers: servers.iter().map(|server| (*server).clone()).collect(),
    };
    Box::new(FormOverlay::new(Box::new(about), facts))
}

/// Asks for another name.
pub fn rename(row: &Server, facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Rename, &[row], facts)
}

/// Asks for another flavor.
pub fn resize(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Resize, rows, facts)
}

/// Asks for the image to begin anew from.
pub fn rebuild(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Rebuild, rows, facts)
}

/// Asks for the name of a snapshot.
pub fn snapshot(rows: &[&Server], facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Snapshot, rows, facts)
}

/// Asks for the volume to attach.
pub fn attach(row: &Server, facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Attach, &[row], facts)
}

/// Asks for the volume to detach.
pub fn detach(row: &Server, facts: &Facts<'_>) -> Box<dyn Overlay> {
    open(Subject::Detach, &[row], facts)
}

impl About {
    fn what(&self) -> String {
        match self.servers.as_slice() {
            [one] => one.name.clone(),
            many => format::count(many.len(), "server"),
        }
    }

    fn act(&self) -> &'static str {
        match self.subject {
            Subject::Rename => "Rename",
            Subject::Resize => "Resize",
            Subject::Rebuild => "Rebuild",
            Subject::Snapshot => "Snapshot",
            Subject::Attach => "Attach to",
            Subject::Detach => "Detach from",
        }
    }

    fn requests(&self, form: &Form) -> Vec<Prepared> {
        let all = self.servers.iter();
        all.map(|server| (target(server), self.request(server, form)))
            .collect()
    }

    fn request(&self, server: &Server, form: &Form) -> Box<dyn Request> {
        match self.subject {
            Subject::Rename => rename_to(server, form.value("name")),
            Subject::Resize => super::actions::act(
                server,
                ServerAction::Resize(Resize {
                    flavor_ref: form.value("flavor"),
                    disk_config: None,
                }),
            ),
            Subject::Rebuild => super::actions::act(
                server,
                ServerAction::Rebuild(Box::new(Rebuild {
                    image_ref: form.value("image"),
                    ..Rebuild::default()
                })),
            ),
            Subject::Snapshot => {
                let name = match self.servers.len() {
                    1 => form.value("name"),
                    _ => format!("{}-{}", server.name, form.value("name")),
                };
                snapshot_as(server, name)
            }
            Subject::Attach => attach_volume(server, form.value("volume")),
            Subject::Detach => detach_volume(server, form.value("volume")),
        }
    }

    /// What it disturbs, if it does.
    fn disturbs(&self) -> Option<(&'static str, Ask)> {
        match self.subject {
            Subject::Resize => {
                let text = "The guest is powered off and started with the new flavor; you confirm or revert afterwards.";
                Some((text, Ask::Agree))
            }
            Subject::Rebuild => {
                let ask = match self.servers.as_slice() {
                    [one] => Ask::Name(one.name.clone()),
                    many => Ask::Count(many.len()),
                };
                Some((
                    "Everything on the root disk is lost. Addresses and volumes stay.",
                    ask,
                ))
            }
            Subject::Detach => Some((
                "The guest loses the disk; what it has not written is lost.",
                Ask::Agree,
            )),
            Subject::Rename | Subject::Snapshot | Subject::Attach => None,
        }
    }
}

impl Sheet for About {
    fn title(&self) -> String {
        format!("{} {}", self.act(), self.what())
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let field = match self.subject {
            Subject::Rename => {
                let name = self.servers.first().map_or("", |server| &server.name);
                Field::text("name", "Name", "What people call it; up to 255 characters").with(name)
            }
            Subject::Resize => Field::choice(
                "flavor",
                "Flavor",
                "Processors, memory and root disk it shall have",
            ),
            Subject::Rebuild => {
                let image = self
                    .servers
                    .first()
                    .and_then(|server| server.image.as_ref());
                let field = Field::choice("image", "Image", "What the new root disk is made from");
                match image {
                    Some(image) => field.with(&image.id),
                    None => field,
                }
            }
            Subject::Snapshot if self.servers.len() > 1 => Field::text(
                "name",
                "Ending",
                "Each image is called after its server, with this ending",
            )
            .with("snapshot"),
            Subject::Snapshot => {
                let day: String = format::date_time(facts.clock.now, &facts.clock.zone)
                    .chars()
                    .take(10)
                    .collect();
                let name = self.servers.first().map_or("", |server| &server.name);
                Field::text("name", "Name", "Name of the image that is made")
                    .with(&format!("{name}-{day}"))
            }
            Subject::Attach => Field::choice(
                "volume",
                "Volume",
                "It must be available, and be of the same project",
            ),
            Subject::Detach => Field::choice("volume", "Volume", "Unmount it in the guest first"),
        };
        vec![field.required()]
    }

    fn needs(&self, _form: &Form) -> Vec<Need> {
        match self.subject {
            Subject::Resize => vec![Need::list::<Flavor>()],
            Subject::Rebuild => vec![Need::list::<Image>()],
            Subject::Attach | Subject::Detach => vec![Need::list::<Volume>()],
            Subject::Rename | Subject::Snapshot => Vec::new(),
        }
    }

    fn offer(&self, form: &mut Form, facts: &Facts<'_>) {
        match self.subject {
            Subject::Resize if facts.data.is_loaded::<Flavor>() => {
                let now = self
                    .servers
                    .first()
                    .map(|server| super::flavor_name(server, facts));
                let mut choices = flavor_choices(facts);
                choices.retain(|choice| Some(choice.label.as_str()) != now);
                form.offer("flavor", choices);
            }
            Subject::Rebuild if facts.data.is_loaded::<Image>() => {
                form.offer("image", image_choices(facts));
            }
            Subject::Attach if facts.data.is_loaded::<Volume>() => {
                form.offer(
                    "volume",
                    volumes(facts, |volume| volume.status == "available"),
                );
            }
            Subject::Detach if facts.data.is_loaded::<Volume>() => {
                let ids: Vec<&str> = self
                    .servers
                    .iter()
                    .flat_map(|server| &server.volumes_attached)
                    .map(|volume| volume.id.as_str())
                    .collect();
                form.offer(
                    "volume",
                    volumes(facts, |volume| ids.contains(&volume.id.as_str())),
                );
            }
            _ => {}
        }
    }

    fn check(&self, form: &Form, _facts: &Facts<'_>) -> Vec<(&'static str, String)> {
        if form.value("name").chars().count() > 255 {
            return vec![("name", "at most 255 characters".to_owned())];
        }
        Vec::new()
    }

    fn outlook(&self, _form: &Form, _facts: &Facts<'_>) -> Vec<String> {
        self.disturbs()
            .map(|(text, _)| text.to_owned())
            .into_iter()
            .collect()
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let requests = self.requests(form);
        match self.disturbs() {
            // The form itself was the question; what is lost for good is asked for once more.
            Some((text, ask)) if ask != Ask::Agree => {
                let along = vec![text.to_owned()];
                cx.open(Box::new(Confirm::new(
                    self.act(),
                    self.what(),
                    along,
                    ask,
                    requests,
                )));
            }
            _ => cx.act(self.act(), requests),
        }
    }
}

fn volumes(facts: &Facts<'_>, keep: impl Fn(&Volume) -> bool) -> Vec<Choice> {
    let fitting = facts
        .data
        .rows::<Volume>()
        .iter()
        .filter(|volume| keep(volume));
    fitting
        .map(|volume| {
            let name = volume.name.as_deref().filter(|name| !name.is_empty());
            Choice::new(
                &volume.id,
                name.unwrap_or(&volume.id),
                format!("{} GiB", volume.size),
            )
        })
        .collect()
}

fn rename_to(server: &Server, name: String) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} name {name}"),
        move |client| async move {
            let fields = ServerFields {
                name: Some(name),
                ..ServerFields::default()
            };
            client.server_update(&id, fields).await?;
            Ok(Done::default())
        },
    )
}

fn snapshot_as(server: &Server, name: String) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} image {name}"),
        move |client| async move {
            let image = CreateImage {
                name: name.clone(),
                metadata: Metadata::default(),
            };
            client.server_image_create(&id, image).await?;
            Ok(Done::saying(format!("image {name} is being made")))
        },
    )
}

fn attach_volume(server: &Server, volume_id: String) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} attach {volume_id}"),
        move |client| async move {
            let volume = VolumeAttach {
                volume_id,
                ..VolumeAttach::default()
            };
            client.server_volume_add(&id, volume).await?;
            Ok(Done::default())
        },
    )
}

fn detach_volume(server: &Server, volume_id: String) -> Box<dyn Request> {
    let id = server.id.clone();
    call(
        format!("server {id} detach {volume_id}"),
        move |client| async move {
            client.server_volume_remove(&id, &volume_id).await?;
            Ok(Done::default())
        },
    )
}
