//! An author's colour and initial, which are the same for every reader.

/// The number of colours; `style/tokens.css` has a class for each.
pub const HUES: u32 = 12;

const CLASSES: [&str; HUES as usize] =
    ["hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7", "hue-8", "hue-9", "hue-10", "hue-11"];

/// The class of an author's colour. Nameless authors share a neutral one.
pub fn hue_class(name: &str) -> &'static str {
    if name.is_empty() {
        return "hue-none";
    }
    // FNV-1a. The high bits are folded in: the low bits alone are poorly mixed for short names.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    CLASSES[((hash ^ (hash >> 15)) % HUES) as usize]
}

/// The first character of an author's name. The style sheet capitalises it, because code would need
/// Unicode tables.
pub fn initial(name: &str) -> String {
    name.chars().next().unwrap_or('·').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_a_name_the_same_look_every_time() {
        assert_eq!(hue_class("小明"), hue_class("小明"));
        assert_eq!(hue_class(""), "hue-none");
        assert_eq!((initial("ada"), initial("小明"), initial("")), ("a".to_owned(), "小".to_owned(), "·".to_owned()));
    }

    #[test]
    fn spreads_short_names_over_all_colours() {
        let mut counts = std::collections::HashMap::<_, u32>::new();
        for number in 0..1200 {
            *counts.entry(hue_class(&format!("user{number}"))).or_default() += 1;
        }
        assert_eq!(counts.len(), HUES as usize);
        assert!(counts.values().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}
