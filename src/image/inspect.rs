//! Looks into an image's bytes: what they are, whether QEMU may have them, how large the disk inside is.

use std::fs::File;
use std::path::Path;

use super::files::io_error;
use super::intake::read_at;
use super::model::{HEAD_BYTES, ImageFormat, Qcow2, Sample, TAIL_BYTES, identify};
use crate::error::{Error, Result};

/// The format of a whole file and the bytes that its disk offers.
pub(super) fn inspect(path: &Path, declared: Option<ImageFormat>) -> Result<(ImageFormat, u64)> {
    let fail = |error: &std::io::Error| io_error(path, error);
    let mut file = File::open(path).map_err(|error| fail(&error))?;
    let len = file.metadata().map_err(|error| fail(&error))?.len();
    let head = read_at(&mut file, 0, HEAD_BYTES).map_err(|error| fail(&error))?;
    let tail = read_at(&mut file, len.saturating_sub(TAIL_BYTES as u64), TAIL_BYTES)
        .map_err(|error| fail(&error))?;
    let sample = Sample {
        head: &head,
        tail: &tail,
        len,
    };
    let format = identify(sample, declared).map_err(Error::Unsupported)?;
    if format != ImageFormat::Qcow2 {
        return Ok((format, len));
    }
    let header = qcow2(&head, len)?;
    let l1 = read_at(&mut file, header.l1.offset, header.l1.bytes).map_err(|error| fail(&error))?;
    header
        .check_l1(&l1, len)
        .map_err(|error| Error::Unsupported(error.to_string()))?;
    Ok((format, header.virtual_size))
}

/// Refuses what can not become an image, by its first bytes alone, so that nobody sends the rest in vain.
pub(super) fn refuse_early(head: &[u8], declared: Option<ImageFormat>) -> Result<()> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    let sample = Sample {
        head,
        tail: &[],
        len: u64::MAX,
    };
    let format = identify(sample, declared).map_err(Error::Unsupported)?;
    if format == ImageFormat::Qcow2 {
        qcow2(head, u64::MAX)?;
    }
    Ok(())
}

fn qcow2(head: &[u8], len: u64) -> Result<Qcow2> {
    let header = Qcow2::parse(head, len).and_then(|header| {
        header.check_foreign()?;
        Ok(header)
    });
    header.map_err(|error| Error::Unsupported(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// `crypt_method` in the header of qcow2 (QEMU, docs/interop/qcow2.txt); 2 is LUKS.
    const CRYPT_METHOD: std::ops::Range<usize> = 32..36;

    fn qemu_img(arguments: &[&str]) {
        let done = Command::new("qemu-img").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}");
    }

    #[test]
    fn real_files_are_told_apart_and_hostile_ones_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (good, raw) = (path("good"), path("raw"));
        qemu_img(&["create", "-q", "-f", "qcow2", &good, "5G"]);
        std::fs::write(&raw, [&[0; 510][..], b"\x55\xaa", &[7; 512]].concat()).unwrap();
        assert_eq!(
            inspect(Path::new(&good), None).unwrap(),
            (ImageFormat::Qcow2, 5 << 30)
        );
        assert_eq!(
            inspect(Path::new(&raw), None).unwrap(),
            (ImageFormat::Raw, 1024)
        );
        for (kind, part) in [
            ("vmdk", "vmdk"),
            ("vdi", "vdi"),
            ("vhdx", "vhdx"),
            ("vpc", "vpc"),
            ("qed", "qed"),
            ("qcow", "qcow"),
            ("parallels", "parallels"),
        ] {
            let file = path(kind);
            qemu_img(&["create", "-q", "-f", kind, &file, "64M"]);
            let text = inspect(Path::new(&file), None).unwrap_err().to_string();
            assert!(
                text.contains(part) && text.contains("qemu-img convert"),
                "{kind}: {text}"
            );
            assert!(kind == "vpc" || refuse_early(&std::fs::read(&file).unwrap(), None).is_err());
        }
        let overlay = path("overlay");
        qemu_img(&[
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            "/etc/passwd",
            "-F",
            "raw",
            &overlay,
        ]);
        let text = inspect(Path::new(&overlay), Some(ImageFormat::Qcow2))
            .unwrap_err()
            .to_string();
        assert!(text.contains("/etc/passwd"), "{text}");
        assert!(refuse_early(&std::fs::read(&overlay).unwrap(), None).is_err());
        let secret = path("secret");
        // `qemu-img create` of an encrypted image measures the processor first, and fails on a busy machine.
        let mut encrypted = std::fs::read(&good).unwrap();
        encrypted[CRYPT_METHOD].copy_from_slice(&2_u32.to_be_bytes());
        std::fs::write(&secret, encrypted).unwrap();
        let text = inspect(Path::new(&secret), None).unwrap_err().to_string();
        assert!(text.contains("encrypted"), "{text}");
        let cut = path("cut");
        qemu_img(&["convert", "-O", "qcow2", "-f", "raw", &raw, &cut]);
        inspect(Path::new(&cut), None).unwrap();
        let length = std::fs::metadata(&cut).unwrap().len();
        File::options()
            .write(true)
            .open(&cut)
            .unwrap()
            .set_len(length / 2)
            .unwrap();
        let text = inspect(Path::new(&cut), None).unwrap_err().to_string();
        assert!(text.contains("cut off"), "{text}");
    }
}
