//! How an author looks: a colour and an initial, the same for everybody everywhere.

/// How many colours there are; `style/tokens.css` has one class for each.
pub const HUES: u32 = 12;

const CLASSES: [&str; HUES as usize] =
    ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7", "hue-8", "hue-9", "hue-10", "hue-11"];

/// The class of an author's colour; a nameless author has none.
pub fn hue_class(name: &str) -> &'static str {
    if name.is_empty() {
        return "hue-none";
    }
    // FNV-1a, with the high bits folded in because the low ones alone mix badly for short names.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    CLASSES[((hash ^ (hash >> 15)) % HUES) as usize]
}

/// What stands for an author in a square: the name's first character. The style sheet makes a capital of it, which the
/// bundle would need tables for.
pub fn initial(name: &str) -> String {
    name.chars().next().unwrap_or('·').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_always_looks_the_same() {
        assert_eq!(hue_class("小明"), hue_class("小明"));
        assert_eq!(hue_class(""), "hue-none");
        assert_eq!((initial("ada"), initial("小明"), initial("")), ("a".to_owned(), "小".to_owned(), "·".to_owned()));
    }

    #[test]
    fn short_names_spread_over_all_colours() {
        let mut counts = std::collections::HashMap::<_, u32>::new();
        for number in 0..1200 {
            *counts.entry(hue_class(&format!("user{number}"))).or_default() += 1;
        }
        assert_eq!(counts.len(), HUES as usize);
        assert!(counts.values().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}
