//! How large a page of entries may become.

use protocol::Entry;

/// Maximum bytes of one page of entries, estimated by [`page_bytes`]. A page always has at least
/// one entry.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Estimates the bytes that an entry adds to a page: a row of HTML, and the same entry as JSON in a
/// script. Never too low.
pub fn page_bytes(entry: &Entry) -> usize {
    const ROW: usize = 600;
    const LINK: usize = 100;
    let byte = |byte: u8| match byte {
        b'<' | b'>' | b'&' => 10,
        b'"' | b'\'' | b'\\' => 8,
        _ if byte.is_ascii_control() => 7,
        _ => 2,
    };
    let escaped = |text: &str| text.bytes().map(byte).sum::<usize>();
    let links = entry.text.as_str().matches("://").count() * LINK;
    ROW + escaped(entry.author.as_str()) + escaped(entry.text.as_str()) + links + entry.raw.as_deref().map_or(0, escaped)
}
