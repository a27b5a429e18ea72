//! Ethernet addresses, as text: six pairs of lower-case hexadecimal digits with colons.

/// First half of the addresses that are made up, OpenStack's.
const PREFIX: &str = "fa:16:3e";

/// An address of OpenStack's range; `random` is where its second half comes from.
pub fn mac_random(random: u32) -> String {
    let [_, a, b, c] = random.to_be_bytes();
    format!("{PREFIX}:{a:02x}:{b:02x}:{c:02x}")
}

/// The address in its usual form, or `None` if it is none that a single interface may have.
pub fn mac_parse(text: &str) -> Option<String> {
    let bytes: Vec<u8> = text
        .split([':', '-'])
        .map(|pair| {
            (pair.len() == 2)
                .then(|| u8::from_str_radix(pair, 16).ok())
                .flatten()
        })
        .collect::<Option<_>>()?;
    let several = bytes.first()? & 1 == 1;
    if bytes.len() != 6 || several || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}

/// The second half of the IPv6 addresses that an interface makes of its Ethernet address (RFC 4291, appendix A).
pub fn mac_interface_id(mac: &str) -> Option<u64> {
    let bytes: Vec<u8> = mac
        .split(':')
        .map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect::<Option<_>>()?;
    let [a, b, c, d, e, f] = bytes.try_into().ok()?;
    Some(u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]))
}

/// The Ethernet address of which an interface made the second half of an IPv6 address; none if that was made otherwise.
pub fn mac_of_interface_id(id: u64) -> Option<String> {
    let [a, b, c, 0xff, 0xfe, d, e, f] = id.to_be_bytes() else {
        return None;
    };
    mac_parse(
        &[a ^ 2, b, c, d, e, f]
            .map(|byte| format!("{byte:02x}"))
            .join(":"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_ids_are_those_of_the_standard() {
        // The example of RFC 4291, appendix A, with a universal address.
        assert_eq!(
            mac_interface_id("34:56:78:9a:bc:de"),
            Some(0x3656_78ff_fe9a_bcde)
        );
        assert_eq!(
            mac_interface_id("fa:16:3e:01:02:ab"),
            Some(0xf816_3eff_fe01_02ab)
        );
        assert_eq!(mac_interface_id("fa:16:3e"), None);
        assert_eq!(
            mac_of_interface_id(0xf816_3eff_fe01_02ab).as_deref(),
            Some("fa:16:3e:01:02:ab")
        );
        // One that was chosen, and one of a group's address.
        for other in [5, 0xa9fe_a9fe, 0x0300_5eff_fe00_0001] {
            assert_eq!(mac_of_interface_id(other), None, "{other:x}");
        }
    }

    #[test]
    fn addresses_are_made_and_read() {
        assert_eq!(mac_random(0xff01_02ab), "fa:16:3e:01:02:ab");
        assert_eq!(
            mac_parse("FA-16-3E-01-02-AB").as_deref(),
            Some("fa:16:3e:01:02:ab")
        );
        for wrong in [
            "",
            "fa:16:3e:01:02",
            "01:00:5e:00:00:01",
            "00:00:00:00:00:00",
            "fa:16:3e:1:02:ab",
            "fa:16:3e:01:02:ag",
        ] {
            assert_eq!(mac_parse(wrong), None, "{wrong}");
        }
    }
}
