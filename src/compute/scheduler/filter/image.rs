//! Whether a host can run the image, by the image's properties.

use super::Judgement;
use crate::compute::scheduler::capability::holds;
use crate::compute::scheduler::host::HostState;
use crate::compute::scheduler::refusal::Refusal;
use crate::compute::scheduler::request::Request;
use crate::compute::scheduler::rules::Rules;

/// New and old names of the same property.
const ARCHITECTURE: [&str; 2] = ["hw_architecture", "architecture"];
const HYPERVISOR: [&str; 2] = ["img_hv_type", "hypervisor_type"];
const VERSION: [&str; 2] = ["img_hv_requested_version", "hypervisor_version_requires"];
const MODE: [&str; 2] = ["hw_vm_mode", "vm_mode"];

/// Architecture, kind and version of the hypervisor, and mode of execution are what the image asks for.
pub fn properties<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    if let Some((property, wanted)) = property(request, ARCHITECTURE)
        && canonical_arch(wanted) != canonical_arch(&host.arch)
    {
        return Err(refusal(property, wanted, &host.arch));
    }
    if let Some((property, wanted)) = property(request, HYPERVISOR)
        && !same_hypervisor(wanted, &host.hypervisor_type)
    {
        return Err(refusal(property, wanted, &host.hypervisor_type));
    }
    if let Some((property, wanted)) = property(request, MODE)
        && !wanted.eq_ignore_ascii_case("hvm")
    {
        return Err(refusal(property, wanted, "hvm"));
    }
    if let Some((property, wanted)) = property(request, VERSION)
        && !version_fits(wanted, host.hypervisor_version)
    {
        return Err(refusal(property, wanted, "another version"));
    }
    Ok(None)
}

fn refusal<'a>(property: &'a str, wanted: &'a str, has: &'a str) -> Refusal<'a> {
    Refusal::Image {
        property,
        wanted,
        has,
    }
}

fn property<'a>(request: &'a Request, names: [&str; 2]) -> Option<(&'a str, &'a str)> {
    names.iter().find_map(|name| {
        let (key, value) = request.image_properties.get_key_value(*name)?;
        Some((key.as_str(), value.as_str()))
    })
}

fn canonical_arch(name: &str) -> &str {
    match name {
        "amd64" | "x64" => "x86_64",
        "i386" | "i486" | "i586" | "x86" => "i686",
        "arm64" => "aarch64",
        other => other,
    }
}

/// `kvm` and `qemu` are one driver to images: what executes a guest is the host's affair.
fn same_hypervisor(wanted: &str, has: &str) -> bool {
    let family = |name: &str| {
        let name = name.to_ascii_lowercase();
        if name == "kvm" {
            "qemu".to_owned()
        } else {
            name
        }
    };
    family(wanted) == family(has)
}

/// `>=6.0,<8` against a version counted as libvirt does.
fn version_fits(wanted: &str, has: i64) -> bool {
    wanted
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .all(|part| {
            let digits = part
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(part.len());
            let (operator, version) = part.split_at(digits);
            let operator = match operator.trim() {
                "" | "=" => "==",
                other => other,
            };
            holds(
                &format!("{operator} {}", version_number(version)),
                &has.to_string(),
            )
        })
}

fn version_number(text: &str) -> i64 {
    let mut parts = text
        .split('.')
        .map(|part| part.trim().parse::<i64>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    next() * 1_000_000 + next() * 1_000 + next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        for (wanted, has, fits) in [
            (">=6.0", 7_002_000, true),
            (">=6.0,<7", 7_002_000, false),
            ("7.2", 7_002_000, true),
            ("7.2", 7_002_001, false),
            ("", 1, true),
        ] {
            assert_eq!(version_fits(wanted, has), fits, "{wanted} {has}");
        }
    }
}
