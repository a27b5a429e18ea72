//! Fuzzy matching, for the palette and for choices in forms: what was typed, in that order, anywhere in the text.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Indices of the texts that match `typed`, the best first and equals in their own order. Everything if nothing was
/// typed. At most `limit`.
pub fn rank<'a>(typed: &str, texts: impl Iterator<Item = &'a str>, limit: usize) -> Vec<usize> {
    if typed.trim().is_empty() {
        return (0..texts.count().min(limit)).collect();
    }
    let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut hits: Vec<(u32, usize)> = texts
        .enumerate()
        .filter_map(|(index, text)| {
            let score = pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)?;
            Some((score, index))
        })
        .collect();
    hits.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    hits.into_iter()
        .take(limit)
        .map(|(_, index)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        let texts = ["volumes", "servers", "server.stop", "services"];
        assert_eq!(rank("", texts.into_iter(), 2), [0, 1]);
        assert_eq!(rank("servers", texts.into_iter(), 9)[0], 1);
        assert_eq!(rank("svstop", texts.into_iter(), 9), [2]);
        assert!(rank("xyz", texts.into_iter(), 9).is_empty());
    }
}
