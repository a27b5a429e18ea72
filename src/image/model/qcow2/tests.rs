//! The parser against files that QEMU made, files made by hand, and noise.

use proptest::prelude::*;

use super::*;

/// A version 3 header of a disk of 1 GiB with clusters of 64 KiB; L1 in the third cluster, refcounts in the second.
fn header() -> Vec<u8> {
    let mut head = vec![0; 256 << 10];
    put(&mut head, 0, b"QFI\xfb");
    put(&mut head, 4, &3u32.to_be_bytes());
    put(&mut head, 20, &16u32.to_be_bytes());
    put(&mut head, 24, &(1u64 << 30).to_be_bytes());
    put(&mut head, 36, &2u32.to_be_bytes());
    put(&mut head, 40, &(3u64 << 16).to_be_bytes());
    put(&mut head, 48, &(1u64 << 16).to_be_bytes());
    put(&mut head, 56, &1u32.to_be_bytes());
    put(&mut head, 96, &4u32.to_be_bytes());
    put(&mut head, 100, &104u32.to_be_bytes());
    head
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn read(head: &[u8]) -> Result<Qcow2, Qcow2Error> {
    Qcow2::parse(head, head.len() as u64)
}

#[test]
fn a_plain_header_is_read_and_harmless() {
    let found = read(&header()).unwrap();
    assert_eq!(found.virtual_size, 1 << 30);
    assert_eq!(found.version, 3);
    assert_eq!(found.backing, None);
    found.check_foreign().unwrap();
}

#[test]
fn what_reaches_outside_the_file_is_refused() {
    type Change = (usize, Vec<u8>);
    let text = b"/etc/shadow";
    let cases: Vec<(Vec<Change>, &str)> = vec![
        (
            vec![
                (8, 512u64.to_be_bytes().to_vec()),
                (16, (text.len() as u32).to_be_bytes().to_vec()),
                (512, text.to_vec()),
            ],
            "/etc/shadow",
        ),
        (vec![(72, 4u64.to_be_bytes().to_vec())], "another file"),
        (
            vec![
                (104, EXT_DATA_FILE.to_be_bytes().to_vec()),
                (108, 3u32.to_be_bytes().to_vec()),
            ],
            "another file",
        ),
        (vec![(32, 1u32.to_be_bytes().to_vec())], "encrypted"),
        (vec![(32, 2u32.to_be_bytes().to_vec())], "encrypted"),
        (vec![(72, 2u64.to_be_bytes().to_vec())], "corrupt"),
        (
            vec![(72, (1u64 << 40).to_be_bytes().to_vec())],
            "feature bits",
        ),
    ];
    for (changes, part) in cases {
        let mut head = header();
        for (at, value) in &changes {
            put(&mut head, *at, value);
        }
        let error = read(&head)
            .unwrap()
            .check_foreign()
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn absurd_headers_are_damaged() {
    for (at, value, part) in [
        (4, 9u32.to_be_bytes().to_vec(), "version 9"),
        (20, 40u32.to_be_bytes().to_vec(), "clusters"),
        (20, 8u32.to_be_bytes().to_vec(), "clusters"),
        (24, 0u64.to_be_bytes().to_vec(), "0 bytes"),
        (24, u64::MAX.to_be_bytes().to_vec(), "64 TiB"),
        (36, 1u32.to_be_bytes().to_vec(), "first-level table"),
        (36, u32::MAX.to_be_bytes().to_vec(), "first-level table"),
        (40, (1u64 << 60).to_be_bytes().to_vec(), "cut off"),
        (40, 5u64.to_be_bytes().to_vec(), "byte 5"),
        (40, 0u64.to_be_bytes().to_vec(), "byte 0"),
        (48, u64::MAX.to_be_bytes().to_vec(), "refcount"),
        (56, u32::MAX.to_be_bytes().to_vec(), "refcount"),
        (60, u32::MAX.to_be_bytes().to_vec(), "snapshots"),
        (100, 100_000u32.to_be_bytes().to_vec(), "header"),
        (8, u64::MAX.to_be_bytes().to_vec(), "backing"),
        (
            104,
            [9, 9, 9, 9, 0xff, 0xff, 0xff, 0xff].to_vec(),
            "extension",
        ),
    ] {
        let mut head = header();
        put(&mut head, at, &value);
        let error = read(&head).unwrap_err().to_string();
        assert!(error.contains(part), "{at}: {error}");
    }
    for length in [0, 3, 4, 20, 71, 103, 105] {
        assert!(Qcow2::parse(&header()[..length], length as u64).is_err());
    }
}

#[test]
fn a_file_that_was_cut_off_is_told_by_its_tables() {
    let head = header();
    let found = read(&head).unwrap();
    let mut l1 = vec![0; found.l1.bytes];
    put(&mut l1, 0, &((1u64 << 63) | (2 << 16)).to_be_bytes());
    found.check_l1(&l1, head.len() as u64).unwrap();
    assert!(found.check_l1(&l1, 2 << 16).is_err());
    put(&mut l1, 8, &(77u64 << 16).to_be_bytes());
    assert!(found.check_l1(&l1, head.len() as u64).is_err());
}

#[test]
fn what_qemu_makes_is_read_as_qemu_says_it() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, arguments: &[&str]| {
        let path = dir.path().join(name);
        let done = std::process::Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2"])
            .args(&arguments[..arguments.len() - 1])
            .arg(&path)
            .args(arguments.last().filter(|last| !last.is_empty()))
            .status()
            .unwrap();
        assert!(done.success(), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        let found = read(&bytes).unwrap();
        let l1 = &bytes[found.l1.offset as usize..][..found.l1.bytes];
        found.check_l1(l1, bytes.len() as u64).unwrap();
        found
    };
    assert_eq!(make("a", &["3G"]).virtual_size, 3 << 30);
    assert_eq!(make("b", &["-o", "compat=0.10", "1G"]).version, 2);
    make(
        "c",
        &[
            "-o",
            "cluster_size=2M,extended_l2=on,compression_type=zstd",
            "1T",
        ],
    )
    .check_foreign()
    .unwrap();
    make("d", &["-o", "cluster_size=512,lazy_refcounts=on", "1G"])
        .check_foreign()
        .unwrap();
    let base = dir.path().join("a").display().to_string();
    let overlay = make("e", &["-b", &base, "-F", "qcow2", ""]);
    assert_eq!(overlay.backing, Some((base, Some("qcow2".into()))));
    assert!(overlay.check_foreign().is_err());
    let data = dir.path().join("data").display().to_string();
    let outside = make("f", &["-o", &format!("data_file={data}"), "1G"]);
    assert_eq!(outside.check_foreign(), Err(Qcow2Error::DataFile));
}

proptest! {
    #[test]
    fn noise_behind_the_magic_never_panics(noise in prop::collection::vec(any::<u8>(), 0..2048), len in any::<u64>()) {
        let mut head = b"QFI\xfb\0\0\0\x03".to_vec();
        head.extend(noise);
        if let Ok(found) = Qcow2::parse(&head, len) {
            prop_assert!(found.virtual_size <= MAX_VIRTUAL && found.l1.bytes as u64 <= MAX_L1_BYTES);
        }
    }

    #[test]
    fn a_changed_header_is_refused_or_stays_within_its_bounds(
        changes in prop::collection::vec((0usize..160, any::<u8>()), 1..8),
    ) {
        let mut head = header();
        for (at, value) in changes {
            head[at] = value;
        }
        if let Ok(found) = read(&head) {
            prop_assert!(found.virtual_size <= MAX_VIRTUAL);
            prop_assert!(found.l1.offset + found.l1.bytes as u64 <= head.len() as u64);
            if found.check_foreign().is_ok() {
                prop_assert_eq!(be64(&head, 8).unwrap(), 0);
                prop_assert_eq!(found.incompatible & DATA_FILE, 0);
            }
        }
    }
}
