//! Names that look alike. A moderator's name must not be imitated.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_security::skeleton;

/// Returns what a name looks like. Names that share a form look alike.
///
/// Two forms, because letters look alike in one case only: a capital I is a small l, and a Cyrillic
/// capital is a Latin one. Spaces do not count.
pub(super) fn forms(name: &str) -> [String; 2] {
    let name = ComposingNormalizerBorrowed::new_nfkc().normalize(name).into_owned();
    let form = |name: &str| skeleton(name).filter(|c| !c.is_whitespace()).collect::<String>();
    let lower = form(&name.to_lowercase());
    let written = form(&name).to_lowercase();
    [lower, written]
}

/// True if two names look alike.
#[cfg(test)]
fn look_alike(one: &str, other: &str) -> bool {
    let (one, other) = (forms(one), forms(other));
    one.iter().any(|form| other.contains(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_a_moderators_are_found() {
        for imitation in [
            "Paul",
            "paul",
            "PAUL",
            // Cyrillic.
            "Раul",
            "рaul",
            // Fullwidth, a capital I as l, the digit 1, mathematical letters.
            "Ｐａｕｌ",
            "PauI",
            "Pau1",
            "𝐏𝐚𝐮𝐥",
            // A joiner, a soft hyphen, a space.
            "Pa\u{200d}ul",
            "Pa\u{ad}ul",
            "P aul",
        ] {
            assert!(look_alike("Paul", imitation), "{imitation}");
        }
        assert!(look_alike("小明", "小 明") && look_alike("Straße", "straße"));
    }

    #[test]
    fn other_names_do_not() {
        for (one, other) in [("Paul", "Paula"), ("Paul", "Pawl"), ("ana", "anna"), ("小明", "小红"), ("Anna", "Änna")] {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }
}
