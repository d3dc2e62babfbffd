//! Where invisible characters are allowed in names.

#[cfg(feature = "unicode")]
mod tables;

#[cfg(feature = "unicode")]
pub(crate) use tables::has_only_shaping_invisibles;

/// True if every invisible character of a name can shape the characters beside it: joiners,
/// variation selectors, and the tags of flags. Whether it does at its place, the server decides.
#[cfg(not(feature = "unicode"))]
pub(crate) fn has_only_shaping_invisibles(name: &str) -> bool {
    let can_shape = |c| {
        matches!(
            c,
            '\u{180b}'..='\u{180f}'
                | '\u{200c}'..='\u{200d}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{e0020}'..='\u{e007f}'
                | '\u{e0100}'..='\u{e01ef}'
        )
    };
    name.chars().all(|c| !crate::visible::is_invisible(c) || can_shape(c))
}
