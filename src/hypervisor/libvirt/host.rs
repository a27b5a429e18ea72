//! The machine as libvirt describes it.

use serde::Deserialize;
use virt::connect::Connect;

use crate::hypervisor::{HvError, HvResult};

/// What libvirt says of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// `QEMU`, `Test`, …
    pub driver: String,
    pub version: i64,
    pub vcpus: u32,
    pub memory_mb: u64,
    pub arch: String,
    pub cpu_model: String,
    pub cpu_features: Vec<String>,
    /// The emulator for guests of this machine's architecture.
    pub emulator: Option<String>,
    /// What it claims guests can be: `qemu`, `kvm`.
    pub domain_types: Vec<String>,
    pub guest_user: Option<(u32, u32)>,
}

/// Asks libvirt (blocking).
pub(super) fn read(connection: &Connect) -> HvResult<Machine> {
    let node = connection.node_info()?;
    let capabilities: Capabilities = quick_xml::de::from_str(&connection.capabilities()?)
        .map_err(|error| HvError::Refused(format!("libvirt's capabilities: {error}")))?;
    let Cpu {
        arch,
        model,
        feature,
    } = capabilities.host.cpu;
    let arch = arch.unwrap_or_else(|| "x86_64".to_owned());
    let guest = capabilities
        .guest
        .into_iter()
        .map(|guest| guest.arch)
        .find(|guest| guest.name == arch);
    let (emulator, domains) =
        guest.map_or((None, Vec::new()), |guest| (guest.emulator, guest.domain));
    Ok(Machine {
        driver: connection.driver_type()?,
        version: i64::from(connection.hyp_version().unwrap_or(0)),
        vcpus: node.cpus,
        memory_mb: node.memory / 1024,
        arch,
        cpu_model: model.unwrap_or(node.model),
        cpu_features: feature.into_iter().map(|feature| feature.name).collect(),
        emulator,
        domain_types: domains.into_iter().map(|domain| domain.kind).collect(),
        guest_user: guest_user(&capabilities.host.secmodel),
    })
}

/// The user and group of guest processes, from the label `+64055:+109` that the DAC security model gives them.
fn guest_user(models: &[Secmodel]) -> Option<(u32, u32)> {
    let model = models.iter().find(|model| model.model == "dac")?;
    let label = model.baselabel.iter().find(|label| label.kind == "kvm");
    let label = label.or(model.baselabel.first())?;
    let (user, group) = label.label.split_once(':')?;
    let number = |text: &str| text.trim_start_matches('+').parse().ok();
    Some((number(user)?, number(group)?))
}

#[derive(Debug, Deserialize)]
struct Capabilities {
    host: Host,
    #[serde(default)]
    guest: Vec<Guest>,
}

#[derive(Debug, Deserialize)]
struct Host {
    #[serde(default)]
    cpu: Cpu,
    #[serde(default)]
    secmodel: Vec<Secmodel>,
}

#[derive(Debug, Default, Deserialize)]
struct Cpu {
    #[serde(default)]
    arch: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    feature: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
struct Feature {
    #[serde(rename = "@name")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Secmodel {
    model: String,
    #[serde(default)]
    baselabel: Vec<Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(rename = "$text")]
    label: String,
}

#[derive(Debug, Deserialize)]
struct Guest {
    arch: Arch,
}

#[derive(Debug, Deserialize)]
struct Arch {
    #[serde(rename = "@name")]
    name: String,
    #[serde(default)]
    emulator: Option<String>,
    #[serde(default)]
    domain: Vec<DomainType>,
}

#[derive(Debug, Deserialize)]
struct DomainType {
    #[serde(rename = "@type")]
    kind: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_user_is_read_from_the_dac_label() {
        let xml = "<capabilities><host><cpu><arch>x86_64</arch></cpu>
            <secmodel><model>apparmor</model><doi>0</doi></secmodel>
            <secmodel><model>dac</model><doi>0</doi><baselabel type='kvm'>+64055:+109</baselabel>
            <baselabel type='qemu'>+1:+2</baselabel></secmodel></host></capabilities>";
        let capabilities: Capabilities = quick_xml::de::from_str(xml).unwrap();
        assert_eq!(guest_user(&capabilities.host.secmodel), Some((64055, 109)));
        assert_eq!(guest_user(&[]), None);
    }
}
