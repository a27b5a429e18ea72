//! What bytes are, told by the bytes and never by a name.
//!
//! Servers boot from raw disks, qcow2 and ISO 9660. Everything else that people try (other hypervisors' disks, archives,
//! a web page saved under the name of an image) is recognized so that the refusal can say what it is and what to do.

use super::qcow2::Qcow2;
use super::status::ImageFormat;

/// Bytes from the beginning of a file that are looked at.
pub const HEAD_BYTES: usize = 68 << 10;
/// Bytes from its end.
pub const TAIL_BYTES: usize = 512;

/// What is looked at of a file.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its first [`HEAD_BYTES`], or all of it.
    pub head: &'a [u8],
    /// Its last [`TAIL_BYTES`], or all of it.
    pub tail: &'a [u8],
    /// Its length.
    pub len: u64,
}

/// What a file looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sniffed {
    /// qcow2; its header says more.
    Qcow2,
    /// An ISO 9660 file system; `bootable_disk` if it also has a boot sector, so that it may serve as a raw disk.
    Iso {
        /// Whether it has a boot sector.
        bootable_disk: bool,
    },
    /// A raw disk: with a boot sector, partitions or a file system.
    Disk,
    /// A disk of another kind, by QEMU's name of its driver.
    Convertible(&'static str),
    /// An archive or compressed file, and how to unpack it.
    Packed(&'static str, &'static str),
    /// Something that is no disk at all.
    Foreign(&'static str),
    /// Nothing known: may be a raw disk.
    Unknown,
}

/// A pattern: offset, bytes, meaning.
type Pattern = (usize, &'static [u8], Sniffed);

const PATTERNS: [Pattern; 25] = [
    (0, b"KDMV", Sniffed::Convertible("vmdk")),
    (0, b"COWD", Sniffed::Convertible("vmdk")),
    (0, b"# Disk DescriptorFile", Sniffed::Convertible("vmdk")),
    (0, b"vhdxfile", Sniffed::Convertible("vhdx")),
    (0, b"conectix", Sniffed::Convertible("vpc")),
    (64, b"\x7f\x10\xda\xbe", Sniffed::Convertible("vdi")),
    (0, b"QED\0", Sniffed::Convertible("qed")),
    (0, b"WithoutFreeSpace", Sniffed::Convertible("parallels")),
    (0, b"WithouFreSpacExt", Sniffed::Convertible("parallels")),
    (0, b"LUKS\xba\xbe", Sniffed::Convertible("luks")),
    (0, b"\x1f\x8b", Sniffed::Packed("gzip", "gunzip")),
    (0, b"\xfd7zXZ\0", Sniffed::Packed("xz", "unxz")),
    (0, b"BZh", Sniffed::Packed("bzip2", "bunzip2")),
    (0, b"\x28\xb5\x2f\xfd", Sniffed::Packed("zstd", "unzstd")),
    (0, b"PK\x03\x04", Sniffed::Packed("zip", "unzip")),
    (0, b"7z\xbc\xaf\x27\x1c", Sniffed::Packed("7z", "7z x")),
    (257, b"ustar", Sniffed::Packed("tar", "tar -xf")),
    (0, b"<!DOCTYPE", Sniffed::Foreign("a web page")),
    (0, b"<!doctype", Sniffed::Foreign("a web page")),
    (0, b"<html", Sniffed::Foreign("a web page")),
    (0, b"<?xml", Sniffed::Foreign("an XML document")),
    (0, b"%PDF", Sniffed::Foreign("a PDF document")),
    (0, b"\x7fELF", Sniffed::Foreign("a program (ELF)")),
    (0, b"MZ", Sniffed::Foreign("a program (PE)")),
    (0, b"#!", Sniffed::Foreign("a script")),
];

/// Marks of raw disks: GPT (sectors of 512 and 4096 bytes), ext, XFS, Btrfs, LVM.
const DISK_MARKS: [(usize, &[u8]); 6] = [
    (512, b"EFI PART"),
    (4096, b"EFI PART"),
    (1080, b"\x53\xef"),
    (0, b"XFSB"),
    (65_600, b"_BHRfS_M"),
    (512, b"LABELONE"),
];

fn has(bytes: &[u8], at: usize, pattern: &[u8]) -> bool {
    bytes.get(at..at + pattern.len()) == Some(pattern)
}

/// What the sample looks like.
pub fn sniff(sample: Sample<'_>) -> Sniffed {
    let head = sample.head;
    if Qcow2::is_magic(head) {
        // The fifth to eighth byte are the version; 1 is qcow, the ancestor.
        return if has(head, 4, &[0, 0, 0, 1]) {
            Sniffed::Convertible("qcow")
        } else {
            Sniffed::Qcow2
        };
    }
    let boot_sector = has(head, 510, b"\x55\xaa");
    if has(head, 32_769, b"CD001") || has(head, 32_769, b"BEA01") {
        return Sniffed::Iso {
            bootable_disk: boot_sector,
        };
    }
    for (at, pattern, meaning) in &PATTERNS {
        if has(head, *at, pattern) {
            return meaning.clone();
        }
    }
    // A fixed VHD is a raw disk with a footer.
    if sample.tail.starts_with(b"conectix") {
        return Sniffed::Convertible("vpc");
    }
    if boot_sector || DISK_MARKS.iter().any(|(at, mark)| has(head, *at, mark)) {
        return Sniffed::Disk;
    }
    Sniffed::Unknown
}

/// The format to store the file as, given what its owner declared. The error says what is wrong and what to do.
pub fn identify(sample: Sample<'_>, declared: Option<ImageFormat>) -> Result<ImageFormat, String> {
    if sample.len == 0 {
        return Err("the file is empty".into());
    }
    let found = match sniff(sample) {
        Sniffed::Qcow2 => ImageFormat::Qcow2,
        Sniffed::Iso {
            bootable_disk: true,
        } if declared == Some(ImageFormat::Raw) => ImageFormat::Raw,
        Sniffed::Iso { .. } => ImageFormat::Iso,
        Sniffed::Disk => ImageFormat::Raw,
        Sniffed::Unknown => match declared {
            Some(ImageFormat::Raw) => ImageFormat::Raw,
            Some(other) => return Err(format!("disk_format says {other}, but the content is not")),
            None => {
                return Err(
                    "the content is of no known format; if it is a bare disk, set disk_format to raw"
                        .into(),
                );
            }
        },
        Sniffed::Convertible(kind) => {
            return Err(format!(
                "the content is {kind}, which servers can not boot from; convert it with `qemu-img convert -f {kind} -O qcow2 FILE NEW`"
            ));
        }
        Sniffed::Packed(kind, tool) => {
            return Err(format!(
                "the content is packed with {kind}; unpack it with `{tool}` and upload what is inside"
            ));
        }
        Sniffed::Foreign(what) => return Err(format!("the content is {what}, not a disk image")),
    };
    match declared {
        Some(said) if said != found => Err(format!(
            "disk_format says {said}, but the content is {found}; set disk_format to {found}, or upload the file that was meant"
        )),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(marks: &[(usize, &[u8])], len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for (at, mark) in marks {
            bytes[*at..at + mark.len()].copy_from_slice(mark);
        }
        bytes
    }

    fn told(bytes: &[u8], declared: Option<ImageFormat>) -> Result<ImageFormat, String> {
        let sample = Sample {
            head: &bytes[..bytes.len().min(HEAD_BYTES)],
            tail: &bytes[bytes.len().saturating_sub(TAIL_BYTES)..],
            len: bytes.len() as u64,
        };
        identify(sample, declared)
    }

    #[test]
    fn formats_are_told_by_content() {
        use ImageFormat::{Iso, Qcow2, Raw};
        let boot: (usize, &[u8]) = (510, b"\x55\xaa");
        let iso: (usize, &[u8]) = (32_769, b"CD001");
        for (marks, declared, wanted) in [
            (vec![(0, &b"QFI\xfb\0\0\0\x03"[..])], None, Qcow2),
            (vec![boot], None, Raw),
            (vec![boot], Some(Raw), Raw),
            (vec![iso], None, Iso),
            (vec![iso, boot], Some(Raw), Raw),
            (vec![iso, boot], None, Iso),
            (vec![(1080, &b"\x53\xef"[..])], None, Raw),
            (vec![(65_600, &b"_BHRfS_M"[..])], None, Raw),
            (vec![], Some(Raw), Raw),
        ] {
            assert_eq!(
                told(&file(&marks, 80 << 10), declared),
                Ok(wanted),
                "{marks:?}"
            );
        }
    }

    #[test]
    fn refusals_name_what_it_is_and_what_to_do() {
        use ImageFormat::{Iso, Qcow2, Raw};
        for (marks, declared, parts) in [
            (vec![(0, &b"KDMV"[..])], None, ["vmdk", "qemu-img convert"]),
            (
                vec![(64, b"\x7f\x10\xda\xbe")],
                Some(Raw),
                ["vdi", "convert"],
            ),
            (vec![(0, b"QFI\xfb\0\0\0\x01")], None, ["qcow,", "convert"]),
            (
                vec![(79 << 10 | 512, b"conectix")],
                Some(Raw),
                ["vpc", "convert"],
            ),
            (vec![(0, b"\x1f\x8b")], Some(Qcow2), ["gzip", "gunzip"]),
            (vec![(0, b"<html")], None, ["web page", "not a disk"]),
            (vec![(0, b"QFI\xfb\0\0\0\x03")], Some(Raw), ["raw", "qcow2"]),
            (vec![(510, b"\x55\xaa")], Some(Qcow2), ["qcow2", "raw"]),
            (vec![(32_769, b"CD001")], Some(Raw), ["raw", "iso"]),
            (vec![], Some(Iso), ["iso", "not"]),
            (vec![], None, ["no known format", "raw"]),
        ] {
            let reason = told(&file(&marks, 80 << 10), declared).unwrap_err();
            for part in parts {
                assert!(reason.contains(part), "{reason}");
            }
        }
        assert!(told(&[], Some(Raw)).unwrap_err().contains("empty"));
    }

    proptest::proptest! {
        #[test]
        fn no_content_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..700)) {
            for declared in [None, Some(ImageFormat::Raw), Some(ImageFormat::Qcow2)] {
                let _ = told(&bytes, declared);
            }
        }
    }
}
