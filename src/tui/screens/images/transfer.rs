//! Images on their way: data sent from a file or fetched by the cloud, and saved to a file, with progress and its rate.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;

use crate::client::Client;
use crate::image::wire::{Image, ImageCreate};
use crate::tui::cx::Cx;
use crate::tui::effect::{Done, Reporter, Request};
use crate::tui::failure::Failure;
use crate::tui::files;
use crate::tui::format;
use crate::tui::overlays::form::Sheet;
use crate::tui::screens::action;
use crate::tui::state::activity::Progress;
use crate::tui::state::load::Row;
use crate::tui::view::Facts;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::form::Form;

use super::content::format_of;

/// Where the data of an image comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An address that the cloud fetches.
    Address(String),
}

/// Brings data in.
#[derive(Debug)]
pub(super) struct Upload {
    /// Where it comes from.
    pub source: Source,
    /// The image to be made.
    pub create: ImageCreate,
    /// The image that is there already and waits for data.
    pub into: Option<String>,
}

impl Request for Upload {
    fn run(
        self: Box<Self>,
        client: Client,
        report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            let mut create = self.create;
            if let Source::File(path) = &self.source
                && create.disk_format.is_none()
            {
                create.disk_format = Some(format_of(path).await?.to_owned());
            }
            let (id, is_new) = match self.into {
                Some(id) => (id, false),
                None => {
                    // A fetched image is told apart by the cloud, which needs a word for it beforehand.
                    create.disk_format.get_or_insert_with(|| "qcow2".to_owned());
                    (client.image_create(&create).await?.id, true)
                }
            };
            match self.source {
                Source::Address(address) => {
                    if let Err(error) = client.image_import(&id, &address).await {
                        // It is asked for again as a whole; what was there before stays.
                        if is_new && let Err(left) = client.image_delete(&id).await {
                            tracing::warn!(image = %id, error = %left, "an image without data is left");
                        }
                        return Err(error.into());
                    }
                    Ok(Done::made(id, "the cloud is fetching it"))
                }
                Source::File(path) => {
                    // The image is there from here on: what breaks off is gone on with, not begun anew.
                    report.progress(Progress {
                        what: "sending".to_owned(),
                        made: Some(id.clone()),
                        ..Progress::default()
                    });
                    let meter = Arc::new(Speedometer::new(report, "sending"));
                    let told = meter.clone();
                    let progress = Arc::new(move |done, total| told.tell(done, total));
                    client.image_upload(&id, &path, progress).await?;
                    Ok(Done::saying(format!(
                        "{} sent and verified",
                        format::bytes(meter.done())
                    )))
                }
            }
        })
    }
}

/// Tells progress with its rate, a few times a second at most.
struct Speedometer {
    report: Reporter,
    what: &'static str,
    state: Mutex<Speed>,
}

struct Speed {
    told: Option<Instant>,
    /// Where the rate is measured from: time and bytes.
    from: Option<(Instant, u64)>,
    rate: Option<f64>,
    done: u64,
}

impl Speedometer {
    const PAUSE: Duration = Duration::from_millis(250);
    const SPAN: Duration = Duration::from_secs(2);

    fn new(report: Reporter, what: &'static str) -> Self {
        let state = Mutex::new(Speed {
            told: None,
            from: None,
            rate: None,
            done: 0,
        });
        Self {
            report,
            what,
            state,
        }
    }

    fn done(&self) -> f64 {
        self.state.lock().map_or(0.0, |state| state.done as f64)
    }

    fn tell(&self, done: u64, total: u64) {
        let now = Instant::now();
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        state.done = done;
        let (since, bytes) = *state.from.get_or_insert((now, done));
        let elapsed = now - since;
        if elapsed >= Self::SPAN || (state.rate.is_none() && elapsed >= Self::PAUSE) {
            state.rate = Some(done.saturating_sub(bytes) as f64 / elapsed.as_secs_f64());
            state.from = Some((now, done));
        }
        let quiet = state.told.is_some_and(|told| now - told < Self::PAUSE);
        if quiet && done < total {
            return;
        }
        state.told = Some(now);
        self.report.progress(Progress {
            what: self.what.to_owned(),
            done,
            total: Some(total),
            rate: state.rate,
            made: None,
        });
    }
}

/// The form that saves an image to a file.
pub(super) struct DownloadSheet {
    /// The image.
    pub image: Image,
}

impl Sheet for DownloadSheet {
    fn title(&self) -> String {
        format!("Save {}", self.image.name())
    }

    fn fields(&self, facts: &Facts<'_>) -> Vec<Field> {
        let ending = self.image.disk_format.as_deref().unwrap_or("img");
        let plain: Cow<'_, str> = self.image.name().replace('/', "-").into();
        let path = facts
            .session
            .files
            .join(format!("exports/{plain}.{ending}"));
        vec![
            Field::text(
                "path",
                "File",
                "Where to on this machine; a part that is there already is kept",
            )
            .required()
            .with(&path.to_string_lossy()),
        ]
    }

    fn submit(&mut self, form: &Form, cx: &mut Cx<'_>) {
        let target = action::target(&self.image);
        let request = Download {
            id: self.image.id.clone(),
            path: files::expand(&form.value("path")),
        };
        cx.act("Save", vec![(target, Box::new(request))]);
    }
}

#[derive(Debug)]
struct Download {
    id: String,
    path: PathBuf,
}

impl Request for Download {
    fn run(
        self: Box<Self>,
        client: Client,
        report: Reporter,
    ) -> BoxFuture<'static, Result<Done, Failure>> {
        Box::pin(async move {
            if let Some(directory) = self
                .path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
            {
                files::make_directory(directory).await.map_err(|error| {
                    Failure::local(format!(
                        "{} could not be made: {error}",
                        directory.display()
                    ))
                })?;
            }
            let meter = Speedometer::new(report, "saving");
            let progress = Arc::new(move |done, total| meter.tell(done, total));
            client
                .image_download(&self.id, &self.path, progress)
                .await?;
            Ok(Done::saying(format!(
                "saved to {} and verified",
                self.path.display()
            )))
        })
    }
}
