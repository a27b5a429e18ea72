//! Reads the header of a qcow2 file: the one structure inside an image that we must understand, because QEMU follows it
//! to other files of the host.
//!
//! The input is hostile. Everything is read by checked offsets from a bounded piece of the file; no length in it is
//! believed before it was compared with a limit; nothing is allocated by its word except names of at most 1023 bytes.
//! [`Qcow2::parse`] says what a file is, [`Qcow2::check_foreign`] whether one from outside is harmless. (Format:
//! `docs/interop/qcow2.rst` of QEMU.)

mod create;

pub use create::empty;

/// QEMU's own limits (`block/qcow2.h`).
const MAX_L1_BYTES: u64 = 32 << 20;
const MAX_REFTABLE_BYTES: u64 = 8 << 20;
const MAX_SNAPSHOTS: u32 = 65_536;
const MAX_NAME: u32 = 1023;
/// Largest disk that is believed: 64 TiB.
const MAX_VIRTUAL: u64 = 64 << 40;
/// Header extensions read at most.
const MAX_EXTENSIONS: usize = 64;

/// Incompatible features, by bit.
const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | DATA_FILE | COMPRESSION | EXTENDED_L2;

/// Header extensions, by type.
const EXT_END: u32 = 0;
const EXT_BACKING_FORMAT: u32 = 0xe279_2aca;
const EXT_DATA_FILE: u32 = 0x4441_5441;
const EXT_ENCRYPTION: u32 = 0x0537_be77;

/// What is wrong with a qcow2 file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Qcow2Error {
    /// It is damaged or made to harm.
    #[error("the qcow2 header is damaged: {0}; check the file with `qemu-img check`")]
    Damaged(String),
    /// It needs another file.
    #[error(
        "the qcow2 file builds on another file ({0:?}); make it whole with `qemu-img convert -O qcow2 FILE WHOLE`"
    )]
    Backing(String),
    /// Its data are in another file.
    #[error(
        "the qcow2 file keeps its data in another file; make it whole with `qemu-img convert -O qcow2 FILE WHOLE`"
    )]
    DataFile,
    /// It is encrypted.
    #[error(
        "the qcow2 file is encrypted; decrypt it with `qemu-img convert -O qcow2` and its key first"
    )]
    Encrypted,
    /// It is marked as corrupt.
    #[error("the qcow2 file is marked as corrupt; repair it with `qemu-img check -r all`")]
    Corrupt,
    /// It uses something that is not known here.
    #[error(
        "the qcow2 file needs {0}, which is not known here; convert it with `qemu-img convert -O qcow2 -o compat=1.1`"
    )]
    Unknown(String),
}

fn damaged(reason: impl Into<String>) -> Qcow2Error {
    Qcow2Error::Damaged(reason.into())
}

/// Where the first-level table lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Table {
    /// Offset in bytes.
    pub offset: u64,
    /// Length in bytes, at most 32 MiB.
    pub bytes: usize,
}

/// What the header of a qcow2 file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qcow2 {
    /// 2 or 3.
    pub version: u32,
    /// Bytes that the disk offers.
    pub virtual_size: u64,
    /// log2 of the cluster size.
    pub cluster_bits: u32,
    /// The file it builds on, and that one's format if it is said.
    pub backing: Option<(String, Option<String>)>,
    /// Whether its data are in another file.
    pub has_data_file: bool,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Internal snapshots.
    pub snapshots: u32,
    /// Features without which it can not be read, as bits.
    pub incompatible: u64,
    /// Where its first-level table is.
    pub l1: L1Table,
}

impl Qcow2 {
    /// Whether a file that begins like this is qcow2 (or its ancestor qcow, version 1).
    pub fn is_magic(head: &[u8]) -> bool {
        head.starts_with(b"QFI\xfb")
    }

    /// Reads the header from the beginning of a file of `file_len` bytes. `head` should hold at least its first 64 KiB.
    pub fn parse(head: &[u8], file_len: u64) -> Result<Self, Qcow2Error> {
        if !Self::is_magic(head) {
            return Err(damaged("the magic number is missing"));
        }
        let version = be32(head, 4)?;
        if version != 2 && version != 3 {
            return Err(Qcow2Error::Unknown(format!("format version {version}")));
        }
        let cluster_bits = be32(head, 20)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(damaged(format!("clusters of 2^{cluster_bits} bytes")));
        }
        let virtual_size = be64(head, 24)?;
        if virtual_size == 0 || virtual_size > MAX_VIRTUAL {
            return Err(damaged(format!(
                "it claims a disk of {virtual_size} bytes; 1 byte to 64 TiB is allowed"
            )));
        }
        let incompatible = if version == 2 { 0 } else { be64(head, 72)? };
        let header_len = if version == 2 { 72 } else { be32(head, 100)? };
        if version == 3 && (header_len < 104 || !header_len.is_multiple_of(8) || header_len > 4096)
        {
            return Err(damaged(format!("a header of {header_len} bytes")));
        }
        let snapshots = be32(head, 60)?;
        if snapshots > MAX_SNAPSHOTS {
            return Err(damaged(format!("{snapshots} snapshots")));
        }
        let tables = Tables {
            cluster_bits,
            file_len,
        };
        let l1 = tables.l1(head, virtual_size, incompatible)?;
        tables.refcounts(head)?;
        let extensions = Extensions::read(head, header_len as usize)?;
        let backing = backing_name(head, cluster_bits)?.map(|name| (name, extensions.format));
        Ok(Self {
            version,
            virtual_size,
            cluster_bits,
            backing,
            has_data_file: incompatible & DATA_FILE != 0 || extensions.data_file,
            encrypted: be32(head, 32)? != 0 || extensions.encryption,
            snapshots,
            incompatible,
            l1,
        })
    }

    /// Succeeds if a file that came from outside may be given to QEMU: whole in itself, not encrypted, and of features
    /// that are known.
    pub fn check_foreign(&self) -> Result<(), Qcow2Error> {
        if let Some((name, _)) = &self.backing {
            return Err(Qcow2Error::Backing(name.clone()));
        }
        if self.has_data_file {
            return Err(Qcow2Error::DataFile);
        }
        if self.encrypted {
            return Err(Qcow2Error::Encrypted);
        }
        if self.incompatible & CORRUPT != 0 {
            return Err(Qcow2Error::Corrupt);
        }
        if self.incompatible & !KNOWN != 0 {
            return Err(Qcow2Error::Unknown(format!(
                "feature bits {:#x}",
                self.incompatible & !KNOWN
            )));
        }
        Ok(())
    }

    /// Succeeds if every second-level table that the first-level table names lies inside the file; a file that was cut
    /// off fails here. `l1` holds the bytes at [`Qcow2::l1`].
    pub fn check_l1(&self, l1: &[u8], file_len: u64) -> Result<(), Qcow2Error> {
        let cluster = 1u64 << self.cluster_bits;
        for (index, entry) in l1.chunks_exact(8).enumerate() {
            let offset = be64(entry, 0)? & 0x00ff_ffff_ffff_fe00;
            if offset == 0 {
                continue;
            }
            if !offset.is_multiple_of(cluster) || offset.saturating_add(cluster) > file_len {
                return Err(damaged(format!(
                    "table {index} lies at byte {offset}, but the file has {file_len}: was it cut off?"
                )));
            }
        }
        Ok(())
    }
}

/// Checks where tables lie.
struct Tables {
    cluster_bits: u32,
    file_len: u64,
}

impl Tables {
    fn inside(&self, what: &str, offset: u64, bytes: u64) -> Result<(), Qcow2Error> {
        let cluster = 1u64 << self.cluster_bits;
        if offset < cluster || !offset.is_multiple_of(cluster) {
            return Err(damaged(format!("the {what} lies at byte {offset}")));
        }
        if offset.saturating_add(bytes) > self.file_len {
            return Err(damaged(format!(
                "the {what} ends behind the end of the file: was it cut off?"
            )));
        }
        Ok(())
    }

    fn l1(&self, head: &[u8], virtual_size: u64, incompatible: u64) -> Result<L1Table, Qcow2Error> {
        let entries = u64::from(be32(head, 36)?);
        let offset = be64(head, 40)?;
        // Entries of a second-level table take 8 bytes, or 16 with subclusters.
        let entry_bits = if incompatible & EXTENDED_L2 == 0 {
            3
        } else {
            4
        };
        let per_entry = 1u64 << (2 * self.cluster_bits - entry_bits);
        if entries * 8 > MAX_L1_BYTES || virtual_size.div_ceil(per_entry) > entries {
            return Err(damaged(format!(
                "a first-level table of {entries} entries for {virtual_size} bytes"
            )));
        }
        self.inside("first-level table", offset, entries * 8)?;
        Ok(L1Table {
            offset,
            bytes: usize::try_from(entries * 8).unwrap_or(0),
        })
    }

    fn refcounts(&self, head: &[u8]) -> Result<(), Qcow2Error> {
        let offset = be64(head, 48)?;
        let bytes = u64::from(be32(head, 56)?) << self.cluster_bits;
        if bytes == 0 || bytes > MAX_REFTABLE_BYTES {
            return Err(damaged(format!("a refcount table of {bytes} bytes")));
        }
        // The table may end with the file's last, partial cluster.
        self.inside("refcount table", offset, 8)
    }
}

/// What the header extensions say.
#[derive(Default)]
struct Extensions {
    format: Option<String>,
    data_file: bool,
    encryption: bool,
}

impl Extensions {
    fn read(head: &[u8], mut at: usize) -> Result<Self, Qcow2Error> {
        let mut found = Self::default();
        for _ in 0..MAX_EXTENSIONS {
            let kind = be32(head, at)?;
            let length = be32(head, at + 4)? as usize;
            if kind == EXT_END {
                return Ok(found);
            }
            let data = at
                .checked_add(8)
                .and_then(|start| head.get(start..start.checked_add(length)?))
                .ok_or_else(|| damaged(format!("a header extension of {length} bytes")))?;
            match kind {
                EXT_BACKING_FORMAT => {
                    found.format = Some(String::from_utf8_lossy(&data[..length.min(64)]).into());
                }
                EXT_DATA_FILE => found.data_file = true,
                EXT_ENCRYPTION => found.encryption = true,
                _ => {}
            }
            at += 8 + length.next_multiple_of(8);
        }
        Err(damaged("more header extensions than there can be"))
    }
}

fn backing_name(head: &[u8], cluster_bits: u32) -> Result<Option<String>, Qcow2Error> {
    let offset = be64(head, 8)?;
    if offset == 0 {
        return Ok(None);
    }
    let length = be32(head, 16)?;
    if length == 0 || length > MAX_NAME || offset >= 1 << cluster_bits {
        return Err(damaged(format!(
            "a backing file's name of {length} bytes at byte {offset}"
        )));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let name = start
        .checked_add(length as usize)
        .and_then(|end| head.get(start..end))
        .ok_or_else(|| damaged("the backing file's name lies outside the header"))?;
    Ok(Some(String::from_utf8_lossy(name).into_owned()))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Qcow2Error> {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end))
        .and_then(|piece| piece.try_into().ok())
        .ok_or_else(|| damaged("the file ends inside its header: was it cut off?"))
}

fn be32(bytes: &[u8], at: usize) -> Result<u32, Qcow2Error> {
    array(bytes, at).map(u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> Result<u64, Qcow2Error> {
    array(bytes, at).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests;
