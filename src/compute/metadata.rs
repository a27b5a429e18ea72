//! The metadata service: the files of a config drive as paths, and what older images ask for in Amazon's way. Pure.
//!
//! `/openstack` lists versions, which are all alike here; `/openstack/VERSION` lists files. Amazon's versions are lists as
//! well: `/VERSION/meta-data/` walks the values, one line per name, with a slash behind those that have more below.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::rpc::ConfigDrive;

/// Versions of OpenStack's layout that clients ask for; the last is what there is.
const OPENSTACK: [&str; 12] = [
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "2022-10-12",
    "2024-10-16",
    "latest",
];
/// The same of Amazon's.
const EC2: [&str; 10] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "latest",
];

/// What a path gives, out of the files of the guest's drive; `None` if there is nothing.
pub fn metadata_find(drive: &ConfigDrive, path: &str) -> Option<Vec<u8>> {
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    match words[..] {
        [] => Some(lines(EC2)),
        ["openstack"] => Some(lines(OPENSTACK)),
        ["openstack", version] if OPENSTACK.contains(&version) => {
            let files = drive.files.iter();
            let names = files.filter_map(|(name, _)| name.strip_prefix("openstack/latest/"));
            Some(lines(names))
        }
        ["openstack", version, name] if OPENSTACK.contains(&version) => {
            file(drive, &format!("openstack/latest/{name}"))
        }
        [version, ref rest @ ..] if EC2.contains(&version) => ec2(drive, rest),
        _ => None,
    }
}

fn ec2(drive: &ConfigDrive, words: &[&str]) -> Option<Vec<u8>> {
    let user_data = file(drive, "ec2/latest/user-data");
    match words {
        [] if user_data.is_some() => Some(lines(["meta-data/", "user-data"])),
        [] => Some(lines(["meta-data/"])),
        ["user-data"] => user_data,
        ["meta-data", rest @ ..] => {
            let values = file(drive, "ec2/latest/meta-data.json")?;
            walk(&serde_json::from_slice(&values).ok()?, rest)
        }
        _ => None,
    }
}

/// A value below `value`: a text as it is, names of what is below one by line.
fn walk(value: &Value, words: &[&str]) -> Option<Vec<u8>> {
    if let [word, rest @ ..] = words {
        return walk(value.get(word)?, rest);
    }
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(values) => Some(lines(values.iter().filter_map(Value::as_str))),
        Value::Object(fields) => {
            let name = |(name, value): (&String, &Value)| match value {
                // A key is listed with the name it has.
                Value::Object(below) => match below.get("_name").and_then(Value::as_str) {
                    Some(shown) => shown.to_owned(),
                    None => format!("{name}/"),
                },
                _ => name.clone(),
            };
            let shown = fields.iter().filter(|(name, _)| !name.starts_with('_'));
            Some(lines(shown.map(name)))
        }
        other => Some(other.to_string().into_bytes()),
    }
}

fn file(drive: &ConfigDrive, name: &str) -> Option<Vec<u8>> {
    let found = drive.files.iter().find(|(known, _)| known == name);
    STANDARD.decode(&found?.1).ok()
}

fn lines(words: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<u8> {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| word.as_ref().to_owned())
        .collect();
    words.join("\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn drive() -> ConfigDrive {
        let values = json!({
            "hostname": "web.cloud.test",
            "local-ipv4": "10.1.0.5",
            "ami-launch-index": 0,
            "security-groups": ["default", "web"],
            "placement": {"availability-zone": "nova"},
            "public-keys": {"0": {"_name": "0=mine", "openssh-key": "ssh-ed25519 AAAA"}},
        });
        let files = [
            ("openstack/latest/meta_data.json", "{}".to_owned()),
            ("openstack/latest/user_data", "#!/bin/sh".to_owned()),
            ("ec2/latest/meta-data.json", values.to_string()),
            ("ec2/latest/user-data", "#!/bin/sh".to_owned()),
        ];
        let encoded = |(name, text): (&str, String)| (name.to_owned(), STANDARD.encode(text));
        ConfigDrive {
            files: files.into_iter().map(encoded).collect(),
        }
    }

    #[rstest]
    #[case("/openstack/latest/", "meta_data.json\nuser_data")]
    #[case("/openstack/2018-08-27/meta_data.json", "{}")]
    #[case("/openstack/latest/user_data", "#!/bin/sh")]
    #[case("/latest", "meta-data/\nuser-data")]
    #[case("//latest//user-data", "#!/bin/sh")]
    #[case("/2009-04-04/meta-data/hostname", "web.cloud.test")]
    #[case("/latest/meta-data/ami-launch-index", "0")]
    #[case("/latest/meta-data/security-groups", "default\nweb")]
    #[case("/latest/meta-data/placement/", "availability-zone")]
    #[case("/latest/meta-data/placement/availability-zone", "nova")]
    #[case("/latest/meta-data/public-keys/", "0=mine")]
    #[case("/latest/meta-data/public-keys/0/", "openssh-key")]
    #[case("/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA")]
    fn a_path_gives(#[case] path: &str, #[case] text: &str) {
        let found = metadata_find(&drive(), path).unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), text);
    }

    #[test]
    fn the_top_lists_versions_and_names_what_has_more_below() {
        let text = |path: &str| String::from_utf8(metadata_find(&drive(), path).unwrap()).unwrap();
        assert!(text("/").ends_with("2009-04-04\nlatest"));
        assert!(text("/openstack").ends_with("latest"));
        let names = text("/latest/meta-data/");
        assert!(
            names.contains("placement/\n") && names.contains("hostname\n"),
            "{names}"
        );
    }

    #[rstest]
    #[case("/nothing")]
    #[case("/openstack/latest/password")]
    #[case("/openstack/1999-01-01/meta_data.json")]
    #[case("/openstack/latest/../../ec2/latest/user-data")]
    #[case("/latest/meta-data/hostname/more")]
    fn there_is_nothing_at(#[case] path: &str) {
        assert_eq!(metadata_find(&drive(), path), None);
    }
}
