//! Bases: fetched once, verified once, shared by whoever needs them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha512};

use super::download::download;
use crate::agent::node::file_fault;
use crate::bus::{Fault, FaultKind};
use crate::depot::dial::Dialer;
use crate::ids::Time;
use crate::image::model::{HEAD_BYTES, Qcow2};
use crate::image::rpc::{ImageFormat, ImageSource};

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;
/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);
/// Ending of a base that is not verified yet.
const UNVERIFIED: &str = "new";

/// The bases of a node. Cheap to clone.
#[derive(Clone)]
pub struct ImageCache {
    dir: PathBuf,
    most_bytes: u64,
    entries: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

/// A base that stays while this value lives.
pub struct Base {
    /// Its file.
    pub path: PathBuf,
    /// What the image is.
    pub format: ImageFormat,
    /// Bytes that the disk inside offers.
    pub virtual_bytes: u64,
    _pin: Arc<tokio::sync::Mutex<()>>,
}

impl ImageCache {
    /// The cache in this directory, which exists. Bases that nobody uses may take `most_bytes` together with the others.
    pub fn new(dir: PathBuf, most_bytes: u64) -> Self {
        Self {
            dir,
            most_bytes,
            entries: Arc::default(),
        }
    }

    /// Where bases are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The base of an image, brought and verified if it is not there: from its file where that can be seen from here, else
    /// over HTTP. Calls for the same image share the work. `group` may read it (guest processes); `told` hears how many
    /// bytes are done.
    pub async fn ensure(
        &self,
        source: &ImageSource,
        dialer: &Dialer,
        group: Option<u32>,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Base, Fault> {
        let name = name(source);
        let pin = self.pin(&name);
        let guard = pin.lock().await;
        let path = self.dir.join(&name);
        if !is_long(&path, source.bytes) {
            let done = Arc::new(AtomicU64::new(0));
            let count = done.clone();
            let mut work = std::pin::pin!(bring(source, dialer, &path, group, count));
            let mut tick = tokio::time::interval(TELL);
            loop {
                tokio::select! {
                    brought = &mut work => break brought?,
                    _ = tick.tick() => told(done.load(Ordering::Relaxed)),
                }
            }
        }
        let virtual_bytes = look(&path, source.format)?;
        drop(guard);
        Ok(Base {
            path,
            format: source.format,
            virtual_bytes,
            _pin: pin,
        })
    }

    fn pin(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, pin| Arc::strong_count(pin) > 1);
        entries.entry(name.to_owned()).or_default().clone()
    }

    /// Removes bases that no disk below `instances` builds on, the longest unused first, until all take no more than their
    /// share; and what broken-off fetches left. Says how many went.
    pub async fn prune(&self, instances: &Path) -> Result<usize, Fault> {
        let (cache, instances) = (self.clone(), instances.to_owned());
        tokio::task::spawn_blocking(move || cache.prune_now(&instances))
            .await
            .unwrap_or_else(|error| Err(Fault::new(FaultKind::Unavailable, error.to_string())))
    }

    fn prune_now(&self, instances: &Path) -> Result<usize, Fault> {
        let fault = |error: io::Error| file_fault("can not look through", &self.dir, &error);
        let mut bases = Vec::new();
        let mut total = 0;
        for entry in fs::read_dir(&self.dir).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let (Ok(meta), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else {
                continue;
            };
            let bytes = meta.blocks() * 512;
            total += bytes;
            let at = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            bases.push((at, name, bytes));
        }
        let unfinished = |name: &str| name.ends_with(UNVERIFIED);
        if total <= self.most_bytes && !bases.iter().any(|(_, name, _)| unfinished(name)) {
            return Ok(0);
        }
        let used = super::used::backing_files(instances).map_err(fault)?;
        bases.sort_unstable();
        let mut gone = 0;
        for (_, name, bytes) in bases {
            let path = self.dir.join(&name);
            if (total <= self.most_bytes && !unfinished(&name)) || used.contains(&path) {
                continue;
            }
            // Held over the removal, so that nobody begins to build on it now.
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let base = name
                .split_once(".new")
                .map_or(name.as_str(), |(base, _)| base);
            if entries
                .get(base)
                .is_some_and(|pin| Arc::strong_count(pin) > 1)
            {
                continue;
            }
            fs::remove_file(&path).map_err(fault)?;
            total = total.saturating_sub(bytes);
            gone += 1;
        }
        Ok(gone)
    }
}

/// The name of an image's base: the image and the beginning of its hash.
fn name(source: &ImageSource) -> String {
    let hash: String = source
        .sha512
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(32)
        .collect();
    format!("{}-{hash}", source.id)
}

/// Whether there is a file of this length.
fn is_long(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() == bytes)
}

/// Brings the bytes, verifies them, and gives them their name.
async fn bring(
    source: &ImageSource,
    dialer: &Dialer,
    to: &Path,
    group: Option<u32>,
    done: Arc<AtomicU64>,
) -> Result<(), Fault> {
    let new = to.with_extension(UNVERIFIED);
    let seen = is_long(&source.path, source.bytes);
    let (bytes, sha512) = match &source.depot {
        Some(pass) if !seen => {
            let brought = download(dialer, pass, source.bytes, &new, &done).await;
            brought.map_err(|fault| Fault {
                message: format!("image {} can not be fetched: {fault}", source.id),
                ..fault
            })?
        }
        _ => {
            let (from, new) = (source.path.clone(), new.clone());
            blocking(move || take(&from, &new, &done)).await?
        }
    };
    let (source, to) = (source.clone(), to.to_owned());
    blocking(move || settle(&source, &new, &to, group, bytes, &sha512)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Fault::new(FaultKind::Unavailable, error.to_string())))
}

/// Links the file, or copies it; its length and SHA-512.
fn take(from: &Path, new: &Path, done: &AtomicU64) -> Result<(u64, String), Fault> {
    remove(new).map_err(|error| file_fault("can not replace", new, &error))?;
    let linked = fs::hard_link(from, new).is_ok();
    read(from, new, linked, done).map_err(|error| {
        let _ = fs::remove_file(new);
        file_fault("can not fetch the image", from, &error)
    })
}

/// Gives the bytes their name if they are the image's.
fn settle(
    source: &ImageSource,
    new: &Path,
    to: &Path,
    group: Option<u32>,
    bytes: u64,
    sha512: &str,
) -> Result<(), Fault> {
    if bytes != source.bytes || sha512 != source.sha512 {
        let _ = fs::remove_file(new);
        return Err(Fault::new(
            FaultKind::Refused,
            format!(
                "the file of image {} is not what was stored ({bytes} bytes instead of {}, or another SHA-512): it was damaged; upload the image anew",
                source.id, source.bytes
            ),
        ));
    }
    let settled = || {
        if let Some(group) = group.filter(|_| nix::unistd::geteuid().is_root()) {
            std::os::unix::fs::chown(new, None, Some(group))?;
            fs::set_permissions(new, fs::Permissions::from_mode(0o640))?;
        }
        fs::rename(new, to)?;
        File::open(to.parent().unwrap_or(to))?.sync_all()
    };
    settled().map_err(|error| file_fault("can not keep", to, &error))
}

/// Reads the source to its end: hashes it, and writes the copy unless it is linked.
fn read(source: &Path, new: &Path, linked: bool, done: &AtomicU64) -> io::Result<(u64, String)> {
    let mut from = File::open(source)?;
    let mut copy = if linked {
        None
    } else {
        let mut options = File::options();
        Some(options.write(true).create_new(true).mode(0o600).open(new)?)
    };
    let mut digest = Sha512::new();
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    loop {
        let count = from.read(&mut block)?;
        if count == 0 {
            break;
        }
        digest.update(&block[..count]);
        if let Some(copy) = &mut copy {
            copy.write_all(&block[..count])?;
        }
        bytes += count as u64;
        done.store(bytes, Ordering::Relaxed);
    }
    if let Some(copy) = copy {
        copy.sync_all()?;
    }
    Ok((bytes, hex::encode(digest.finalize())))
}

/// Marks a base as used now, and says what its disk offers. The header is read again: QEMU is about to follow it.
fn look(path: &Path, format: ImageFormat) -> Result<u64, Fault> {
    let read = || -> io::Result<(Vec<u8>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        // Only the order of removal depends on it.
        let _ = file.set_modified(now());
        let mut head = Vec::new();
        file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok((head, length))
    };
    let (head, length) = read().map_err(|error| file_fault("can not read", path, &error))?;
    if format != ImageFormat::Qcow2 {
        return Ok(length);
    }
    let header = Qcow2::parse(&head, length).and_then(|header| {
        header.check_foreign()?;
        Ok(header.virtual_size)
    });
    header.map_err(|error| Fault::new(FaultKind::Refused, error.to_string()))
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(Time::now().0).unwrap_or(0))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ImageId;

    fn image(dir: &Path, content: &[u8]) -> ImageSource {
        let id = ImageId::new();
        let path = dir.join(id.to_string());
        fs::write(&path, content).unwrap();
        ImageSource {
            id,
            format: ImageFormat::Raw,
            bytes: content.len() as u64,
            sha512: hex::encode(Sha512::digest(content)),
            path,
            depot: None,
        }
    }

    fn cache(dir: &Path, most: u64) -> ImageCache {
        let bases = dir.join("cache");
        fs::create_dir_all(&bases).unwrap();
        fs::create_dir_all(dir.join("instances")).unwrap();
        ImageCache::new(bases, most)
    }

    #[tokio::test]
    async fn many_that_want_one_image_get_one_base_and_it_is_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), u64::MAX);
        let source = image(dir.path(), &[7; 100_000]);
        let dialer = Dialer::default();
        let wants = (0..8).map(|_| cache.ensure(&source, &dialer, None, &|_| {}));
        let bases = futures::future::try_join_all(wants).await.unwrap();
        assert_eq!(bases[0].virtual_bytes, 100_000);
        assert_eq!(fs::metadata(&bases[0].path).unwrap().nlink(), 2);
        assert_eq!(fs::read_dir(cache.dir()).unwrap().count(), 1);
        fs::remove_file(&source.path).unwrap();
        cache
            .ensure(&source, &Dialer::default(), None, &|_| {})
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn damaged_bytes_are_refused_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), u64::MAX);
        let mut source = image(dir.path(), b"good");
        fs::write(&source.path, b"evil").unwrap();
        let fault = cache
            .ensure(&source, &Dialer::default(), None, &|_| {})
            .await
            .err()
            .unwrap();
        assert!(fault.message.contains("damaged"), "{fault}");
        source.path = dir.path().join("missing");
        let fault = cache
            .ensure(&source, &Dialer::default(), None, &|_| {})
            .await
            .err()
            .unwrap();
        assert!(fault.message.contains("missing"), "{fault}");
        assert_eq!(fs::read_dir(cache.dir()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_longest_unused_bases_go_but_none_that_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path(), 100 << 10);
        let instances = dir.path().join("instances");
        let sources: Vec<_> = (0..4u8)
            .map(|n| image(dir.path(), &vec![n + 1; 64 << 10]))
            .collect();
        let mut bases = Vec::new();
        for (age, source) in sources.iter().enumerate() {
            let base = cache
                .ensure(source, &Dialer::default(), None, &|_| {})
                .await
                .unwrap();
            let at = now() - Duration::from_secs(1000 - age as u64);
            File::open(&base.path).unwrap().set_modified(at).unwrap();
            bases.push(base);
        }
        assert_eq!(cache.prune(&instances).await.unwrap(), 0);
        // The first is under a disk, the second is pinned.
        let server = instances.join("s");
        fs::create_dir(&server).unwrap();
        let path = bases[0].path.display().to_string();
        let disk =
            crate::image::model::qcow2_empty(1 << 30, Some((&path, ImageFormat::Raw))).unwrap();
        fs::write(server.join("disk"), disk).unwrap();
        fs::write(cache.dir().join("left-behind.new"), b"x").unwrap();
        let paths: Vec<_> = bases.iter().map(|base| base.path.clone()).collect();
        let pinned = bases.remove(1);
        drop(bases);
        assert_eq!(cache.prune(&instances).await.unwrap(), 3);
        let there: Vec<bool> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(there, [true, true, false, false]);
        drop(pinned);
        assert_eq!(cache.prune(&instances).await.unwrap(), 1);
        assert!(paths[0].exists() && !paths[1].exists());
    }
}
