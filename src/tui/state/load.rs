//! What can be loaded, and what a screen needs: the seam between the data and the client.
//!
//! A [`Resource`] is a kind of row with a list in the API; a [`Part`] belongs to one resource (a server's actions, a
//! host's series). Both say themselves how they are fetched, so a new one touches no other file. A [`Need`] is what a
//! visible screen wants kept fresh; what no screen shows is not asked for.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use crate::client::{Client, ClientError};
use crate::telemetry::wire::SampleBatch;

use super::data::{Data, Loaded, Source};

/// Seconds between polls of rows while the events stream tells of their changes: only against what it may miss.
const EVERY_WITH_EVENTS: i64 = 60;

/// Something a list can show.
pub trait Row: Serialize + Clone + Send + Sync + 'static {
    /// Its kind as events name it: `server`.
    const KIND: &'static str;

    /// Unique among its kind.
    fn id(&self) -> &str;
    /// What people call it; may be empty.
    fn name(&self) -> &str;
}

/// A kind of thing the cloud has many of.
pub trait Resource: Row {
    /// Seconds between polls where no events stream tells of changes.
    const EVERY: i64 = 5;
    /// Whether the events stream tells of changes of this kind.
    const HAS_EVENTS: bool = true;
    /// Whether events of one of them may come many times a second; it is asked for once a second at most then.
    const RESTLESS: bool = false;

    /// All that the caller may see.
    fn list(client: Client) -> BoxFuture<'static, Result<Vec<Self>, ClientError>>;
    /// One of them, where that is cheaper than all.
    fn show(
        _client: Client,
        _id: Arc<str>,
    ) -> Option<BoxFuture<'static, Result<Self, ClientError>>> {
        None
    }
}

/// Something about one resource that its row does not hold.
pub trait Part: Send + Sync + Sized + 'static {
    /// `kind of the resource.part`: `server.actions`.
    const KIND: &'static str;
    /// Seconds between polls.
    const EVERY: i64;

    /// Fetches it for the resource `id`.
    fn load(client: Client, id: Arc<str>) -> BoxFuture<'static, Result<Self, ClientError>>;
}

/// Whether the client's token has the role `admin`: such a one is shown every project's things.
pub async fn is_admin(client: &Client) -> Result<bool, ClientError> {
    let session = client.session().await?;
    Ok(session.info.roles.iter().any(|role| role.name == "admin"))
}

/// Fetches something, ready to be put into the data.
pub type Fetch = fn(Client, Arc<str>) -> BoxFuture<'static, Result<Box<dyn Loaded>, ClientError>>;

/// Something a screen wants kept fresh.
#[derive(Clone, Debug)]
pub struct Need {
    /// What.
    pub source: Source,
    /// Fetches all of it.
    pub fetch: Fetch,
    /// Fetches one row.
    pub fetch_one: Option<Fetch>,
    /// Seconds between polls without events, and with.
    pub every: (i64, i64),
    /// Whether one row is asked for once a second at most.
    pub restless: bool,
}

impl Need {
    /// All rows of a kind.
    pub fn list<R: Resource>() -> Self {
        let with_events = if R::HAS_EVENTS {
            EVERY_WITH_EVENTS
        } else {
            R::EVERY
        };
        Self {
            source: Source::list::<R>(),
            fetch: |client, _| {
                Box::pin(async move {
                    let rows = R::list(client).await?;
                    Ok(Box::new(Rows(rows)) as Box<dyn Loaded>)
                })
            },
            fetch_one: Some(fetch_one::<R>),
            every: (R::EVERY, with_events),
            restless: R::RESTLESS,
        }
    }

    /// A part of the resource `id`.
    pub fn part<P: Part>(id: &str) -> Self {
        Self {
            source: Source::part::<P>(id),
            fetch: |client, id| {
                Box::pin(async move {
                    let part = P::load(client, id.clone()).await?;
                    Ok(Box::new(PartOf(id, part)) as Box<dyn Loaded>)
                })
            },
            fetch_one: None,
            every: (P::EVERY, P::EVERY),
            restless: false,
        }
    }

    /// The newest rates of all servers and hosts; with events, only against what those may miss.
    pub fn samples() -> Self {
        Self {
            source: Source {
                kind: "samples",
                of: None,
            },
            fetch: |client, _| {
                Box::pin(async move {
                    if !client.supports_skydeck().await? {
                        return Ok(Box::new(Latest(SampleBatch::default())) as Box<dyn Loaded>);
                    }
                    let batch = client.sample_latest(is_admin(&client).await?).await?;
                    Ok(Box::new(Latest(batch)) as Box<dyn Loaded>)
                })
            },
            fetch_one: None,
            every: (2, EVERY_WITH_EVENTS),
            restless: false,
        }
    }

    /// The load of all of it.
    pub fn load(&self) -> Load {
        Load {
            source: self.source.clone(),
            one: None,
            fetch: self.fetch,
        }
    }

    /// The load of one row.
    pub fn load_one(&self, id: &str) -> Option<Load> {
        Some(Load {
            source: self.source.clone(),
            one: Some(Arc::from(id)),
            fetch: self.fetch_one?,
        })
    }
}

fn fetch_one<R: Resource>(
    client: Client,
    id: Arc<str>,
) -> BoxFuture<'static, Result<Box<dyn Loaded>, ClientError>> {
    Box::pin(async move {
        let Some(shown) = R::show(client.clone(), id.clone()) else {
            let rows = R::list(client).await?;
            return Ok(Box::new(Rows(rows)) as Box<dyn Loaded>);
        };
        match shown.await {
            Ok(row) => Ok(Box::new(OneRow(row)) as Box<dyn Loaded>),
            Err(error) if error.is_not_found() => {
                Ok(Box::new(Gone(R::KIND, id)) as Box<dyn Loaded>)
            }
            Err(error) => Err(error),
        }
    })
}

/// One fetch to be made.
#[derive(Clone, Debug)]
pub struct Load {
    /// What is fetched, or what the row belongs to.
    pub source: Source,
    /// The one row, if not everything.
    pub one: Option<Arc<str>>,
    fetch: Fetch,
}

impl Load {
    /// Fetches it.
    pub fn run(&self, client: Client) -> BoxFuture<'static, Result<Box<dyn Loaded>, ClientError>> {
        let id = self.one.clone().or_else(|| self.source.of.clone());
        (self.fetch)(client, id.unwrap_or_else(|| Arc::from("")))
    }
}

struct Rows<R>(Vec<R>);
struct OneRow<R>(R);
struct Gone(&'static str, Arc<str>);
struct PartOf<P>(Arc<str>, P);
struct Latest(SampleBatch);

impl Loaded for Latest {
    fn put(self: Box<Self>, data: &mut Data) {
        data.meters.take(self.0);
        data.touch();
    }
}

impl<R: Resource> Loaded for Rows<R> {
    fn put(self: Box<Self>, data: &mut Data) {
        data.put_rows(self.0);
    }
}

impl<R: Resource> Loaded for OneRow<R> {
    fn put(self: Box<Self>, data: &mut Data) {
        data.put_row(self.0);
    }
}

impl Loaded for Gone {
    fn put(self: Box<Self>, data: &mut Data) {
        data.remove(self.0, &self.1);
    }
}

impl<P: Part> Loaded for PartOf<P> {
    fn put(self: Box<Self>, data: &mut Data) {
        data.put_part(self.0, self.1);
    }
}
