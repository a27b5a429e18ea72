//! What the console knows of the cloud: a cache of rows per kind of resource, parts of single resources, and how fresh
//! each of them is.
//!
//! Caches are kept by the type of their rows, so that a screen asks for `rows::<Server>()` and a new resource adds a
//! type instead of a field here. Whatever changes raises [`Data::generation`]; views that were made from the data compare
//! it and know whether they are still right.
//!
//! Invariant: rows come from the cloud and from nowhere else. The console never guesses what a request will change; it
//! marks the source as stale and asks.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::Time;

use super::load::{Part, Row};
use super::meters::Meters;
use crate::tui::failure::Failure;

/// Parts kept at most; the longest unused goes first.
const PARTS: usize = 48;

/// Names something that can be loaded: all rows of a kind, or one part of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Kind of the rows or of the part.
    pub kind: &'static str,
    /// The resource it is a part of; `None` for all rows.
    pub of: Option<Arc<str>>,
}

impl Source {
    /// All rows of a resource.
    pub fn list<R: Row>() -> Self {
        Self {
            kind: R::KIND,
            of: None,
        }
    }

    /// A part of the resource `id`.
    pub fn part<P: Part>(id: &str) -> Self {
        Self {
            kind: P::KIND,
            of: Some(Arc::from(id)),
        }
    }
}

/// How fresh a source is.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    /// When it was last loaded.
    pub loaded: Option<Time>,
    /// When it was last asked for.
    pub asked: Option<Time>,
    /// Whether an answer is awaited.
    pub pending: bool,
    /// Whether something happened since that makes it wrong.
    pub stale: bool,
    /// Why the last attempt failed.
    pub failure: Option<Failure>,
}

/// Something loaded, on its way into the data.
pub trait Loaded: Send {
    /// Puts it in its place.
    fn put(self: Box<Self>, data: &mut Data);
}

/// All rows of a kind.
struct Cache<R> {
    rows: Vec<R>,
    index: HashMap<String, usize>,
}

impl<R: Row> Cache<R> {
    fn new(rows: Vec<R>) -> Self {
        let index = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.id().to_owned(), at))
            .collect();
        Self { rows, index }
    }
}

/// What every cache can do without knowing its rows' type.
trait AnyCache: Send {
    fn remove(&mut self, id: &str) -> bool;
    fn name(&self, id: &str) -> Option<&str>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<R: Row> AnyCache for Cache<R> {
    fn remove(&mut self, id: &str) -> bool {
        let Some(at) = self.index.remove(id) else {
            return false;
        };
        // The last row takes its place: lists order rows by themselves.
        self.rows.swap_remove(at);
        if let Some(moved) = self.rows.get(at) {
            self.index.insert(moved.id().to_owned(), at);
        }
        true
    }

    fn name(&self, id: &str) -> Option<&str> {
        let row = self.rows.get(*self.index.get(id)?)?;
        Some(row.name()).filter(|name| !name.is_empty())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A part of something: when it came, and what it is.
type KeptPart = (u64, Box<dyn Any + Send>);

/// What the console knows.
#[derive(Default)]
pub struct Data {
    lists: HashMap<TypeId, (&'static str, Box<dyn AnyCache>)>,
    parts: HashMap<(TypeId, Arc<str>), KeptPart>,
    freshness: HashMap<Source, Freshness>,
    generation: u64,
    /// The newest rates of servers and hosts.
    pub meters: Meters,
}

impl Data {
    /// Rises with every change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Says that something changed beside the caches.
    pub fn touch(&mut self) {
        self.generation += 1;
    }

    /// All rows of a kind; none as long as nothing was loaded.
    pub fn rows<R: Row>(&self) -> &[R] {
        self.cache::<R>().map_or(&[], |cache| &cache.rows)
    }

    /// The row with this id.
    pub fn get<R: Row>(&self, id: &str) -> Option<&R> {
        let cache = self.cache::<R>()?;
        cache.rows.get(*cache.index.get(id)?)
    }

    /// The name of the row with this id, or the id itself.
    pub fn name_of<'a, R: Row>(&'a self, id: &'a str) -> &'a str {
        self.get::<R>(id)
            .map(Row::name)
            .filter(|name| !name.is_empty())
            .unwrap_or(id)
    }

    /// The name of a thing of any kind, if it is known and has one.
    pub fn name(&self, kind: &str, id: &str) -> Option<&str> {
        let mut lists = self.lists.values().filter(|(of, _)| *of == kind);
        lists.find_map(|(_, cache)| cache.name(id))
    }

    /// A part of the resource `id`, if it was loaded.
    pub fn part<P: Part>(&self, id: &str) -> Option<&P> {
        let (_, part) = self.parts.get(&(TypeId::of::<P>(), Arc::from(id)))?;
        part.downcast_ref()
    }

    /// How fresh a source is.
    pub fn freshness(&self, source: &Source) -> Option<&Freshness> {
        self.freshness.get(source)
    }

    /// Whether rows of a kind were loaded at least once.
    pub fn is_loaded<R: Row>(&self) -> bool {
        self.cache::<R>().is_some()
    }

    fn cache<R: Row>(&self) -> Option<&Cache<R>> {
        let (_, cache) = self.lists.get(&TypeId::of::<R>())?;
        cache.as_any().downcast_ref()
    }

    /// Replaces all rows of a kind.
    pub fn put_rows<R: Row>(&mut self, rows: Vec<R>) {
        let cache = Box::new(Cache::new(rows));
        self.lists.insert(TypeId::of::<R>(), (R::KIND, cache));
        self.generation += 1;
    }

    /// Replaces or adds one row; does nothing while the kind was never loaded.
    pub fn put_row<R: Row>(&mut self, row: R) {
        let Some((_, cache)) = self.lists.get_mut(&TypeId::of::<R>()) else {
            return;
        };
        let Some(cache) = cache.as_any_mut().downcast_mut::<Cache<R>>() else {
            return;
        };
        match cache.index.get(row.id()).copied() {
            Some(at) => cache.rows[at] = row,
            None => {
                cache.index.insert(row.id().to_owned(), cache.rows.len());
                cache.rows.push(row);
            }
        }
        self.generation += 1;
    }

    /// Adds a row that comes from a stream, and forgets the oldest beyond `most`.
    pub fn push_row<R: Row>(&mut self, row: R, most: usize) {
        if !self.is_loaded::<R>() {
            self.put_rows(vec![row]);
            return;
        }
        self.put_row(row);
        let rows = self.rows::<R>();
        // Many at once, so that the places of the rest are counted anew once in a while only.
        if rows.len() > most + most / 4 {
            let newest = rows[rows.len() - most..].to_vec();
            self.put_rows(newest);
        }
    }

    /// Keeps a part of the resource `id`.
    pub fn put_part<P: Part>(&mut self, id: Arc<str>, part: P) {
        self.generation += 1;
        let entry = (self.generation, Box::new(part) as Box<dyn Any + Send>);
        self.parts.insert((TypeId::of::<P>(), id), entry);
        if self.parts.len() > PARTS {
            let oldest = self.parts.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                self.parts.remove(&key);
            }
        }
    }

    /// Takes a row away, whatever its type.
    pub fn remove(&mut self, kind: &str, id: &str) {
        for (of, cache) in self.lists.values_mut() {
            if *of == kind && cache.remove(id) {
                self.generation += 1;
            }
        }
    }

    /// Notes that `source` is being asked for.
    pub fn asked(&mut self, source: &Source, now: Time) {
        let freshness = self.freshness.entry(source.clone()).or_default();
        freshness.asked = Some(now);
        freshness.pending = true;
        freshness.stale = false;
    }

    /// Notes that `source` was loaded, or why it was not.
    pub fn answered(&mut self, source: &Source, now: Time, failure: Option<Failure>) {
        let freshness = self.freshness.entry(source.clone()).or_default();
        freshness.pending = false;
        if failure.is_none() {
            freshness.loaded = Some(now);
        }
        freshness.failure = failure;
        self.generation += 1;
    }

    /// Marks everything of a kind, its parts too, as in need of a fresh load.
    pub fn spoil(&mut self, kind: &str) {
        for (source, freshness) in &mut self.freshness {
            if source.kind == kind || source.kind.starts_with(&format!("{kind}.")) {
                freshness.stale = true;
            }
        }
    }

    /// Marks the parts of one thing as in need of a fresh load.
    pub fn spoil_parts(&mut self, kind: &str, id: &str) {
        for (source, freshness) in &mut self.freshness {
            let of_kind = source.kind.split('.').next() == Some(kind);
            if of_kind && source.of.as_deref() == Some(id) {
                freshness.stale = true;
            }
        }
    }

    /// Marks everything as in need of a fresh load; answers that are under way count as lost.
    pub fn spoil_all(&mut self) {
        for freshness in self.freshness.values_mut() {
            freshness.stale = true;
            freshness.pending = false;
        }
    }
}
