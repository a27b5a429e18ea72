//! Which node keeps a new volume. Pure.
//!
//! Files are sparse, so more may be promised than there is room for: up to `ratio` times the file system. A node must also
//! have at least a GiB free now. Of those that fit, the one with the most free room is taken, the name deciding a tie.

/// A node as the choice sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub host: String,
    /// GiB of its file system.
    pub total_gb: u64,
    /// GiB left there.
    pub free_gb: u64,
    /// GiB of the volumes that are promised there.
    pub promised_gb: u64,
}

/// The node for a volume of `size_gb`; the error says of each node why not.
pub fn place(candidates: &[Candidate], size_gb: u64, ratio: f64) -> Result<&Candidate, String> {
    if candidates.is_empty() {
        return Err(
            "no node that keeps volumes has reported lately: see on the services screen whether the agents run"
                .into(),
        );
    }
    let mut reasons = Vec::new();
    let mut best: Option<&Candidate> = None;
    for candidate in candidates {
        if let Some(reason) = unfit(candidate, size_gb, ratio) {
            reasons.push(format!("{}: {reason}", candidate.host));
            continue;
        }
        let key = |one: &Candidate| (one.free_gb, std::cmp::Reverse(one.host.clone()));
        if best.is_none_or(|other| key(candidate) > key(other)) {
            best = Some(candidate);
        }
    }
    best.ok_or_else(|| {
        format!(
            "no node has room for {size_gb} GiB ({})",
            reasons.join("; ")
        )
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "gigabytes of a file system are far below what a double holds exactly"
)]
fn unfit(candidate: &Candidate, size_gb: u64, ratio: f64) -> Option<String> {
    let promised = candidate.promised_gb.saturating_add(size_gb) as f64;
    let allowed = candidate.total_gb as f64 * ratio;
    if candidate.free_gb < 1 {
        return Some("less than 1 GiB is free".into());
    }
    (promised > allowed).then(|| {
        format!(
            "{} GiB of {} are promised (volume.max_over_subscription_ratio {ratio})",
            candidate.promised_gb, candidate.total_gb
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(host: &str, total_gb: u64, free_gb: u64, promised_gb: u64) -> Candidate {
        Candidate {
            host: host.into(),
            total_gb,
            free_gb,
            promised_gb,
        }
    }

    #[test]
    fn the_roomiest_node_that_fits_is_taken_and_others_say_why_not() {
        let nodes = [
            candidate("full", 100, 0, 0),
            candidate("a", 100, 50, 90),
            candidate("c", 100, 80, 90),
            candidate("b", 100, 80, 90),
        ];
        assert_eq!(place(&nodes, 10, 1.0).unwrap().host, "b");
        assert_eq!(place(&nodes, 50, 20.0).unwrap().host, "b");
        let reason = place(&nodes, 11, 1.0).unwrap_err();
        for part in ["11 GiB", "full: less than 1 GiB", "a: 90 GiB of 100"] {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(place(&[], 1, 1.0).unwrap_err().contains("agents"));
    }
}
