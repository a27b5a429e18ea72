//! Lists that come in pages.
//!
//! A page says where the next one is by a link, of which only the query is used: the host in it is often one that is
//! not reachable from here, and a token goes nowhere else.

use std::future::IntoFuture;
use std::marker::PhantomData;

use futures::future::BoxFuture;
use futures::stream::{self, Stream, TryStreamExt};
use reqwest::Url;
use serde::de::DeserializeOwned;

use super::Result;
use super::request::Call;
use crate::api::wire::{
    AuditEntry, AuditList, Link, MigrationDetail, MigrationDetailList, Operation, OperationList,
};
use crate::compute::wire::{
    Flavor, FlavorList, Hypervisor, HypervisorList, InstanceAction, InstanceActionList, Keypair,
    KeypairList, Migration, MigrationList, Server, ServerList,
};
use crate::image::wire::{Image, ImageList};
use crate::network::wire::{
    FloatingIp, FloatingIpList, Network, NetworkList, Port, PortList, Router, RouterList,
    SecurityGroup, SecurityGroupList, Subnet, SubnetList,
};
use crate::volume::wire::{Volume, VolumeList};

/// Order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// What of a list is wanted, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Filters as the service has them: `("status", "ACTIVE")`.
    pub filters: Vec<(String, String)>,
    /// Fields to sort by, the first counts most.
    pub sort: Vec<(String, Direction)>,
    /// Most entries altogether; all when absent.
    pub limit: Option<usize>,
    /// Entries of a page; the service's choice when absent.
    pub page_size: Option<usize>,
    /// Id of the entry to begin after.
    pub marker: Option<String>,
    /// Every project's, for administrators. Glance and Neutron show an administrator everything anyhow.
    pub all_projects: bool,
}

impl ListQuery {
    /// Everything of the project, in the service's order.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what has this value in this field.
    #[must_use]
    pub fn filter(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.filters.push((field.into(), value.into()));
        self
    }

    /// Sorted by this field, after those named before.
    #[must_use]
    pub fn sort(mut self, field: impl Into<String>, direction: Direction) -> Self {
        self.sort.push((field.into(), direction));
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Every project's.
    #[must_use]
    pub fn all_projects(mut self) -> Self {
        self.all_projects = true;
        self
    }

    /// As parameters; `all` is the service's word for every project's.
    fn pairs(&self, all: Option<(&str, &str)>) -> Vec<(String, String)> {
        let mut pairs = self.filters.clone();
        let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));
        for (field, direction) in &self.sort {
            add("sort_key", field.clone());
            let direction = match direction {
                Direction::Asc => "asc",
                Direction::Desc => "desc",
            };
            add("sort_dir", direction.to_owned());
        }
        let size = [self.page_size, self.limit].into_iter().flatten().min();
        if let Some(size) = size {
            add("limit", size.to_string());
        }
        if let Some(marker) = &self.marker {
            add("marker", marker.clone());
        }
        if let Some((key, value)) = all.filter(|_| self.all_projects) {
            add(key, value.to_owned());
        }
        pairs
    }
}

/// Where the next page is.
pub enum Next {
    /// There is none.
    End,
    /// Behind this address.
    Link(String),
    /// After this entry.
    Marker(String),
}

impl Next {
    fn of_links(links: &[Link]) -> Self {
        Link::find(links, "next").map_or(Self::End, |href| Self::Link(href.to_owned()))
    }
}

/// A body that is one page of a list.
pub trait Page: DeserializeOwned + Send + 'static {
    /// What it is a list of.
    type Item: Send + 'static;

    /// The entries, and where the next page is.
    fn split(self) -> (Vec<Self::Item>, Next);
}

/// A list. Awaited it gives everything; [`Pages::pages`] gives it page by page.
pub struct Pages<P> {
    call: Call,
    left: usize,
    page: PhantomData<fn() -> P>,
}

impl<P: Page> Pages<P> {
    pub(super) fn new(call: Call, query: &ListQuery, all: Option<(&str, &str)>) -> Self {
        Self {
            call: call.query(query.pairs(all)),
            left: query.limit.unwrap_or(usize::MAX),
            page: PhantomData,
        }
    }

    /// The pages, each asked for when the one before was taken.
    pub fn pages(self) -> impl Stream<Item = Result<Vec<P::Item>>> + Send {
        let first = (self.left > 0).then_some((self.call, self.left));
        stream::try_unfold(first, |state| async {
            let Some((call, left)) = state else {
                return Ok(None);
            };
            let (mut items, next) = call.clone().parse::<P>().await?.split();
            // A page of nothing is the last one, whatever it says about the next.
            let enough = items.len() >= left || items.is_empty();
            items.truncate(left);
            let left = left - items.len();
            let state = match enough {
                true => None,
                false => advance(call, next)?.map(|call| (call, left)),
            };
            Ok(Some((items, state)))
        })
    }

    /// The entries, page by page.
    pub fn items(self) -> impl Stream<Item = Result<P::Item>> + Send {
        self.pages()
            .map_ok(|items| stream::iter(items.into_iter().map(Ok)))
            .try_flatten()
    }
}

impl<P: Page> IntoFuture for Pages<P> {
    type Output = Result<Vec<P::Item>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.pages().try_concat())
    }
}

/// The call for the next page.
fn advance(mut call: Call, next: Next) -> Result<Option<Call>> {
    let query = match next {
        Next::End => return Ok(None),
        Next::Marker(marker) => {
            let mut query = call.query.clone();
            query.retain(|(key, _)| key != "marker");
            query.push(("marker".to_owned(), marker));
            query
        }
        Next::Link(href) => query_of(&href),
    };
    if query == call.query {
        return Err(call.unreadable("the next page is the same one again"));
    }
    call.query = query;
    Ok(Some(call))
}

fn query_of(href: &str) -> Vec<(String, String)> {
    let query = href.split_once('?').map_or("", |(_, query)| query);
    // Any host does: only the query is read.
    let mut url = Url::parse("http://localhost/").ok();
    if let Some(url) = &mut url {
        url.set_query(Some(query.split('#').next().unwrap_or_default()));
    }
    url.iter()
        .flat_map(|url| url.query_pairs().into_owned().collect::<Vec<_>>())
        .collect()
}

impl Page for ServerList {
    type Item = Server;
    fn split(self) -> (Vec<Server>, Next) {
        (self.servers, Next::of_links(&self.servers_links))
    }
}

impl Page for FlavorList {
    type Item = Flavor;
    fn split(self) -> (Vec<Flavor>, Next) {
        (self.flavors, Next::of_links(&self.flavors_links))
    }
}

impl Page for KeypairList {
    type Item = Keypair;
    fn split(self) -> (Vec<Keypair>, Next) {
        let keypairs = self.keypairs.into_iter().map(|body| body.keypair);
        (keypairs.collect(), Next::of_links(&self.keypairs_links))
    }
}

impl Page for HypervisorList {
    type Item = Hypervisor;
    fn split(self) -> (Vec<Hypervisor>, Next) {
        (self.hypervisors, Next::of_links(&self.hypervisors_links))
    }
}

impl Page for InstanceActionList {
    type Item = InstanceAction;
    fn split(self) -> (Vec<InstanceAction>, Next) {
        (self.instance_actions, Next::of_links(&self.links))
    }
}

impl Page for ImageList {
    type Item = Image;
    fn split(self) -> (Vec<Image>, Next) {
        (self.images, self.next.map_or(Next::End, Next::Link))
    }
}

impl Page for NetworkList {
    type Item = Network;
    fn split(self) -> (Vec<Network>, Next) {
        (self.networks, Next::of_links(&self.networks_links))
    }
}

impl Page for SubnetList {
    type Item = Subnet;
    fn split(self) -> (Vec<Subnet>, Next) {
        (self.subnets, Next::of_links(&self.subnets_links))
    }
}

impl Page for RouterList {
    type Item = Router;
    fn split(self) -> (Vec<Router>, Next) {
        (self.routers, Next::of_links(&self.routers_links))
    }
}

impl Page for FloatingIpList {
    type Item = FloatingIp;
    fn split(self) -> (Vec<FloatingIp>, Next) {
        (self.floatingips, Next::of_links(&self.floatingips_links))
    }
}

impl Page for SecurityGroupList {
    type Item = SecurityGroup;
    fn split(self) -> (Vec<SecurityGroup>, Next) {
        (
            self.security_groups,
            Next::of_links(&self.security_groups_links),
        )
    }
}

impl Page for PortList {
    type Item = Port;
    fn split(self) -> (Vec<Port>, Next) {
        (self.ports, Next::of_links(&self.ports_links))
    }
}

impl Page for VolumeList {
    type Item = Volume;
    fn split(self) -> (Vec<Volume>, Next) {
        (self.volumes, Next::of_links(&self.volumes_links))
    }
}

impl Page for OperationList {
    type Item = Operation;
    fn split(self) -> (Vec<Operation>, Next) {
        (self.operations, self.next.map_or(Next::End, Next::Marker))
    }
}

impl Page for MigrationList {
    type Item = Migration;
    fn split(self) -> (Vec<Migration>, Next) {
        (self.migrations, Next::of_links(&self.migrations_links))
    }
}

impl Page for MigrationDetailList {
    type Item = MigrationDetail;
    /// Whoever wants those after the newest asks with a marker.
    fn split(self) -> (Vec<MigrationDetail>, Next) {
        (self.migrations, Next::End)
    }
}

impl Page for AuditList {
    type Item = AuditEntry;
    fn split(self) -> (Vec<AuditEntry>, Next) {
        (self.audit, self.next.map_or(Next::End, Next::Marker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_only_the_query_counts() {
        let wanted = vec![
            ("limit".to_owned(), "2".to_owned()),
            ("marker".to_owned(), "a b".to_owned()),
        ];
        for href in [
            "http://elsewhere:8774/v2.1/servers?limit=2&marker=a%20b",
            "/v2/images?limit=2&marker=a+b",
        ] {
            assert_eq!(query_of(href), wanted);
        }
        assert_eq!(query_of("http://elsewhere/"), []);
    }

    #[test]
    fn a_query_is_written_as_services_read_it() {
        let query = ListQuery::new()
            .filter("status", "ACTIVE")
            .sort("name", Direction::Asc)
            .limit(10)
            .all_projects();
        let pairs = query.pairs(Some(("all_tenants", "1")));
        let text: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            text.join("&"),
            "status=ACTIVE&sort_key=name&sort_dir=asc&limit=10&all_tenants=1"
        );
    }
}
