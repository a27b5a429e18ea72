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

#[cfg(test)]
mod tests {
    use super::*;

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
