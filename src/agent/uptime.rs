//! How long this machine is up and how busy it is, in the words of `uptime` (procps), which Nova hands on to its clients.
//!
//! Who is logged in is nobody's business but the machine's: the number of users is always 0.

use std::time::Duration;

use crate::ids::Time;

/// What `uptime` would say now; `None` where /proc holds something unknown.
pub(super) fn read() -> std::io::Result<Option<String>> {
    let up = std::fs::read_to_string("/proc/uptime")?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text(Time::now(), &up, &load))
}

fn text(now: Time, up: &str, load: &str) -> Option<String> {
    let up: f64 = up.split_whitespace().next()?.parse().ok()?;
    let minutes = Duration::try_from_secs_f64(up).ok()?.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let rest = match hours {
        0 => format!("{minutes} min"),
        hours => format!("{hours}:{minutes:02}"),
    };
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let clock = now.to_seconds_text();
    let clock = clock.split('T').nth(1)?.trim_end_matches('Z');
    Some(format!(
        " {clock} up {days}{rest},  0 users,  load average: {}",
        load.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_like_uptime() {
        let load = "0.31 1.84 2.15 1/211 7802\n";
        for (up, said) in [
            ("65.2 9.9\n", "up 1 min,"),
            ("11400.0 1.0\n", "up 3:10,"),
            ("90000.0 1.0\n", "up 1 day, 1:00,"),
            ("864600.0 1.0\n", "up 10 days, 10 min,"),
        ] {
            let text = text(Time(1_767_323_045_000_000), up, load).unwrap();
            assert_eq!(
                text,
                format!(" 03:04:05 {said}  0 users,  load average: 0.31, 1.84, 2.15")
            );
        }
        assert_eq!(text(Time(0), "?", load), None);
        assert!(read().unwrap().is_some());
    }
}
