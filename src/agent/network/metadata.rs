//! Where guests ask for metadata: a listener in each namespace that answers DHCP or routes, and on each bridge that the
//! node itself is the gateway of. What is asked is passed on to a control process together with the place and the
//! guest's address, which the packet filter keeps it from changing; what a place means is decided there. By IPv6 guests
//! ask on the link, mostly from the address that they made for that.
//!
//! Where OVN carries a network, its place is a name server as well, for what OVN does not know ([`unknown`]).
//!
//! Listeners live in this process, so a namespace that was made anew gets a new one: they are compared by the
//! namespace's inode, each time the networks are looked at.
//!
//! Invariant: nothing is answered here that was not asked for at the same place by the same address.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{setsockopt, sockopt::BindToDevice, sockopt::Ipv6V6Only};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::task::JoinHandle;

use super::error::HostError;
use super::namespace::{NAMED, within};
use super::unknown;
use crate::bus::Bus;
use crate::compute::rpc::metadata::{MetadataAnswer, MetadataAsk, MetadataPlace};
use crate::network::names::{bridge_name, dhcp_namespace, metadata_namespace, router_namespace};
use crate::network::rpc::{NetworkDesired, Segment};

/// How long a control process may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest path that is passed on, in bytes.
const PATH: usize = 1024;
/// Where a bridge's listener is, since the node's own port 80 may be taken; packets are led there.
pub const METADATA_PORT: u16 = 8775;
/// Connections that may wait to be taken.
const BACKLOG: u32 = 128;

/// How questions get to a control process.
#[derive(Clone)]
pub struct MetadataDoor {
    /// The way there.
    pub bus: Bus,
    /// This node.
    pub host: String,
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    /// In a namespace.
    Namespace(String),
    /// On a bridge of the node's own namespace.
    Bridge(String),
}

/// The listeners of a node.
pub struct Doors {
    door: MetadataDoor,
    open: Mutex<BTreeMap<Spot, Open>>,
}

struct Open {
    wanted: Wanted,
    /// Inode of the namespace it was opened in.
    inode: u64,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What there shall be at a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    /// What a question there is about.
    place: MetadataPlace,
    /// Whether names are asked for there, too.
    names: bool,
}

impl Doors {
    /// None yet.
    pub fn new(door: MetadataDoor) -> Self {
        Self {
            door,
            open: Mutex::default(),
        }
    }

    /// Opens and closes listeners so that they are where `desired` has guests that may ask. What could not be opened is
    /// named, and tried again the next time.
    pub async fn keep(&self, desired: &NetworkDesired) -> Vec<String> {
        let wanted = wanted(desired);
        let missing: Vec<(Spot, Wanted)> = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|spot, have| {
                wanted.get(spot) == Some(&have.wanted)
                    && inode(spot) == Some(have.inode)
                    && !have.tasks.iter().any(JoinHandle::is_finished)
            });
            let missing = wanted.iter().filter(|(spot, _)| !open.contains_key(spot));
            missing
                .map(|(spot, wanted)| (spot.clone(), *wanted))
                .collect()
        };
        let mut problems = Vec::new();
        for (spot, wanted) in missing {
            match self.open(&spot, wanted).await {
                Ok(opened) => {
                    let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                    open.insert(spot, opened);
                }
                Err(error) => problems.push(format!("metadata service: {error}")),
            }
        }
        problems
    }

    async fn open(&self, spot: &Spot, wanted: Wanted) -> Result<Open, HostError> {
        let gone = || HostError::Kernel {
            what: format!("listening for metadata at {spot:?}"),
            reason: "it is not there".into(),
        };
        let inode = inode(spot).ok_or_else(gone)?;
        let listener = match spot {
            Spot::Namespace(name) => within(name, || async { listen(None) }).await?,
            Spot::Bridge(name) => listen(Some(name))?,
        };
        // Made on another thread: this one's runtime has to watch it.
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let asked = Arc::new(Asked {
            door: self.door.clone(),
            place: wanted.place,
        });
        let app = Router::new()
            .fallback(get(answer))
            .with_state(asked)
            .into_make_service_with_connect_info::<SocketAddr>();
        let names = match spot {
            Spot::Namespace(name) if wanted.names => {
                Some(within(name, || async { unknown::listen() }).await?)
            }
            _ => None,
        };
        let names = names.map(UdpSocket::from_std).transpose().map_err(failed)?;
        let metadata = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::warn!(%error, "metadata service");
            }
        });
        let names = names.map(|socket| tokio::spawn(unknown::answer(socket)));
        Ok(Open {
            wanted,
            inode,
            tasks: names.into_iter().chain([metadata]).collect(),
        })
    }
}

/// Where there shall be listeners, and what a question there is about.
fn wanted(desired: &NetworkDesired) -> BTreeMap<Spot, Wanted> {
    let mut spots = BTreeMap::new();
    let only = |place| Wanted {
        place,
        names: false,
    };
    for network in &desired.networks {
        let place = MetadataPlace::Network(network.id);
        if network.dhcp.is_some() {
            let names = network.segment == Segment::Logical;
            let namespace = match network.segment {
                Segment::Logical => metadata_namespace(network.id),
                _ => dhcp_namespace(network.id),
            };
            spots.insert(Spot::Namespace(namespace), Wanted { place, names });
        }
        let v4 = network
            .subnets
            .iter()
            .map(|subnet| subnet.gateway.is_some());
        let v6 = network
            .subnets6
            .iter()
            .map(|subnet| subnet.gateway.is_some());
        let has_gateway = v4.chain(v6).any(|there| there);
        if matches!(network.segment, Segment::Node { .. }) && has_gateway {
            spots.insert(Spot::Bridge(bridge_name(network.id)), only(place));
        }
    }
    for router in desired
        .routers
        .iter()
        .filter(|router| !router.interfaces.is_empty())
    {
        let place = only(MetadataPlace::Router(router.id));
        spots.insert(Spot::Namespace(router_namespace(router.id)), place);
    }
    spots
}

/// What tells a namespace, or a bridge, from one that had its name before.
fn inode(spot: &Spot) -> Option<u64> {
    match spot {
        Spot::Namespace(name) => Some(fs::metadata(Path::new(NAMED).join(name)).ok()?.ino()),
        Spot::Bridge(name) => if_nametoindex(name.as_str()).ok().map(u64::from),
    }
}

/// Listens in the namespace of the thread, for both families where the kernel has both; only for what comes by `device`, if
/// that is given.
fn listen(device: Option<&String>) -> Result<std::net::TcpListener, HostError> {
    let port = if device.is_some() { METADATA_PORT } else { 80 };
    let (socket, any): (_, IpAddr) = match TcpSocket::new_v6() {
        Ok(socket) => {
            setsockopt(&socket, Ipv6V6Only, &false).map_err(|errno| failed(errno.into()))?;
            (socket, Ipv6Addr::UNSPECIFIED.into())
        }
        // A kernel without IPv6.
        Err(_) => (
            TcpSocket::new_v4().map_err(failed)?,
            Ipv4Addr::UNSPECIFIED.into(),
        ),
    };
    socket.set_reuseaddr(true).map_err(failed)?;
    if let Some(device) = device {
        setsockopt(&socket, BindToDevice, &device.into()).map_err(|errno| failed(errno.into()))?;
    }
    socket.bind(SocketAddr::from((any, port))).map_err(failed)?;
    let listener = socket.listen(BACKLOG).map_err(failed)?;
    listener.into_std().map_err(failed)
}

fn failed(reason: std::io::Error) -> HostError {
    HostError::Kernel {
        what: "listening for metadata".into(),
        reason: reason.to_string(),
    }
}

struct Asked {
    door: MetadataDoor,
    place: MetadataPlace,
}

async fn answer(
    State(asked): State<Arc<Asked>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
) -> Response {
    if uri.path().len() > PATH {
        return (StatusCode::URI_TOO_LONG, "this path is too long\n").into_response();
    }
    let address: IpAddr = from.ip().to_canonical();
    let question = MetadataAsk {
        host: asked.door.host.clone(),
        place: asked.place,
        address,
        path: uri.path().to_owned(),
    };
    match asked.door.bus.ask(&question, PATIENCE).await {
        Ok(MetadataAnswer::Found(text)) => match STANDARD.decode(text) {
            Ok(bytes) => bytes.into_response(),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        },
        Ok(MetadataAnswer::NoPath) => {
            (StatusCode::NOT_FOUND, "there is nothing at this path\n").into_response()
        }
        Ok(MetadataAnswer::NoServer) => {
            (StatusCode::NOT_FOUND, "no server has your address here\n").into_response()
        }
        Err(error) => {
            tracing::debug!(%error, "metadata");
            // Clients try again for a while.
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "no control process answers; try again\n",
            )
                .into_response()
        }
    }
}
