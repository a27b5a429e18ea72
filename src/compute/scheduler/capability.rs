//! Extra specs of a flavor against what a host is (Nova's ComputeCapabilitiesFilter).
//!
//! `capabilities:NAME` and plain `NAME` ask for a property of the host; other scopes (`hw:…`, `quota:…`) are the driver's
//! and pass. A value may begin with an operator: `=` (at least, as Nova has it), `==`, `!=`, `>=`, `<=`, `<`, `>` for
//! numbers; `s==`, `s!=`, `s>=`, `s>`, `s<=`, `s<` for text; `<in>` for a part; `<all-in>` for all of several parts;
//! `<or>` between alternatives.

use std::borrow::Cow;

use super::filter::Judgement;
use super::host::HostState;
use super::refusal::Refusal;
use super::request::Request;
use super::rules::Rules;

/// Every extra spec that is about hosts holds.
pub fn judge<'a>(_: &'a Rules, request: &'a Request, host: &'a HostState) -> Judgement<'a> {
    for (key, wanted) in &request.extra_specs {
        let Some(name) = host_property(key) else {
            continue;
        };
        let met = property(host, name).is_some_and(|has| holds(wanted, &has));
        if !met {
            return Err(Refusal::Capability { key, wanted });
        }
    }
    Ok(None)
}

/// The property of a host that an extra spec is about; `None` if it is about something else.
pub fn host_property(key: &str) -> Option<&str> {
    match key.split_once(':') {
        None => Some(key),
        Some(("capabilities", name)) => Some(name),
        Some(_) => None,
    }
}

/// A property of a host by Nova's name.
pub fn property<'a>(host: &'a HostState, name: &str) -> Option<Cow<'a, str>> {
    let number = |value: u64| Some(Cow::Owned(value.to_string()));
    match name {
        "host" | "hypervisor_hostname" => Some(Cow::Borrowed(&host.name)),
        "hypervisor_type" => Some(Cow::Borrowed(&host.hypervisor_type)),
        "hypervisor_version" => Some(Cow::Owned(host.hypervisor_version.to_string())),
        "cpu_arch" | "cpu_info:arch" => Some(Cow::Borrowed(&host.arch)),
        "cpu_model" | "cpu_info:model" => Some(Cow::Borrowed(&host.cpu_model)),
        "cpu_info:features" => Some(Cow::Owned(host.cpu_features.join(" "))),
        "vcpus_total" => number(host.total.vcpus),
        "vcpus_used" => number(host.used.vcpus),
        "total_usable_ram_mb" => number(host.total.memory_mb),
        "free_ram_mb" => number(host.free().memory_mb),
        "total_usable_disk_gb" => number(host.total.disk_gb),
        "free_disk_mb" => number(host.free().disk_gb.saturating_mul(1024)),
        "num_instances" => number(host.servers.into()),
        "num_io_ops" => number(host.io_ops.into()),
        _ => None,
    }
}

/// Whether what a host `has` is what `wanted` says.
pub fn holds(wanted: &str, has: &str) -> bool {
    let (operator, rest) = wanted
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((wanted.trim(), ""));
    let rest = rest.trim();
    match operator {
        "<or>" => wanted
            .split("<or>")
            .map(str::trim)
            .any(|choice| !choice.is_empty() && choice == has),
        "<in>" => has.contains(rest),
        "<all-in>" => rest.split_whitespace().all(|part| has.contains(part)),
        "s==" => has == rest,
        "s!=" => has != rest,
        "s>=" => has >= rest,
        "s>" => has > rest,
        "s<=" => has <= rest,
        "s<" => has < rest,
        "=" | ">=" => compare(has, rest, |a, b| a >= b),
        "==" => compare(has, rest, |a, b| (a - b).abs() < f64::EPSILON),
        "!=" => compare(has, rest, |a, b| (a - b).abs() >= f64::EPSILON),
        "<=" => compare(has, rest, |a, b| a <= b),
        "<" => compare(has, rest, |a, b| a < b),
        ">" => compare(has, rest, |a, b| a > b),
        _ => wanted.trim() == has,
    }
}

fn compare(has: &str, wanted: &str, test: impl Fn(f64, f64) -> bool) -> bool {
    match (has.trim().parse(), wanted.parse()) {
        (Ok(has), Ok(wanted)) => test(has, wanted),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_novas() {
        for (wanted, has, met) in [
            ("x86_64", "x86_64", true),
            ("x86_64", "aarch64", false),
            (">= 4", "8", true),
            ("= 4", "8", true),
            ("== 4", "8", false),
            ("!= 4", "8", true),
            ("< 4", "abc", false),
            ("s== kvm", "kvm", true),
            ("s!= kvm", "kvm", false),
            ("<in> avx2", "sse avx2 aes", true),
            ("<all-in> avx2 aes", "sse avx2 aes", true),
            ("<all-in> avx2 amx", "sse avx2 aes", false),
            ("<or> a <or> b", "b", true),
            ("<or> a <or> b", "c", false),
        ] {
            assert_eq!(holds(wanted, has), met, "{wanted} / {has}");
        }
    }
}
