//! Finds the links in a text.
//!
//! Only `http` and `https`, and names that begin with `www.`: addresses with other schemes may run
//! something when they are followed.

/// A part of a text. All parts together are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain text.
    Plain(&'a str),
    /// An address.
    Link(&'a str),
}

/// Splits a text into links and plain text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = text[from..].find([':', '.']) {
        let at = from + found;
        from = at + 1;
        let address = if text[at..].starts_with("://") {
            scheme_start(text, done, at).map(|start| (start, at + 3 + address_length(&text[at + 3..])))
        } else {
            www_start(text, done, at).map(|start| (start, at + 1 + name_length(&text[at + 1..])))
        };
        // Without a host there is no address.
        let Some((start, end)) = address.filter(|(_, end)| *end > at + 3) else { continue };
        if start > done {
            pieces.push(Piece::Plain(&text[done..start]));
        }
        pieces.push(Piece::Link(&text[start..end]));
        (done, from) = (end, end);
    }
    if done < text.len() {
        pieces.push(Piece::Plain(&text[done..]));
    }
    pieces
}

/// The address that a link leads to.
pub fn href(link: &str) -> String {
    let scheme = if link.starts_with(['w', 'W']) { "https://" } else { "" };
    [scheme, link].concat()
}

/// Where the scheme before `://` starts, if it is `http` or `https` and not the end of a longer
/// word.
fn scheme_start(text: &str, done: usize, at: usize) -> Option<usize> {
    let before = &text.as_bytes()[done..at];
    let length = [5, 4].into_iter().find(|length| {
        let scheme = before.len().checked_sub(*length).map(|start| &before[start..]);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(&b"https"[..*length]))
    })?;
    let start = at - length;
    let whole = start == done || !text.as_bytes()[start - 1].is_ascii_alphanumeric();
    whole.then_some(start)
}

/// Where `www` before a dot starts, if it begins a word.
fn www_start(text: &str, done: usize, at: usize) -> Option<usize> {
    let before = &text.as_bytes()[done..at];
    let (rest, www) = before.split_last_chunk::<3>()?;
    let is_inside = rest.last().is_some_and(|last| last.is_ascii_alphanumeric() || b"-_.@/".contains(last));
    (www.eq_ignore_ascii_case(b"www") && !is_inside).then_some(at - 3)
}

/// The length of the address at the start of a text that follows `www.`, in bytes; 0 if there is
/// none. Its host is in ASCII, because people write Chinese right after it.
fn name_length(rest: &str) -> usize {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.').unwrap_or(rest.len());
    let host = rest[..end].trim_end_matches(['-', '.']);
    if host.starts_with(['-', '.']) || !host.contains('.') {
        return 0;
    }
    if rest[end..].starts_with(['/', '?', '#', ':']) { address_length(rest) } else { host.len() }
}

/// The length of the address at the start of a text that follows a scheme, in bytes.
fn address_length(rest: &str) -> usize {
    let is_host = |first: char| !ends_address(first) && (first == '[' || !first.is_ascii_punctuation());
    if !rest.starts_with(is_host) {
        return 0;
    }
    let mut address = &rest[..rest.find(ends_address).unwrap_or(rest.len())];
    let count = |bracket: char| address.matches(bracket).count();
    // How many closing brackets have no opening bracket in the address.
    let mut round = count(')').saturating_sub(count('('));
    let mut square = count(']').saturating_sub(count('['));
    // The punctuation of a sentence does not belong to an address at its end.
    while let Some(last) = address.chars().next_back() {
        match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' => {}
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            _ => break,
        }
        address = &address[..address.len() - 1];
    }
    address.len()
}

/// True if a character ends an address: white space, characters that addresses escape, quotation
/// marks, Chinese and Japanese punctuation, and characters that are invisible or change the writing
/// direction.
fn ends_address(c: char) -> bool {
    matches!(c,
        '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^'
        | '\0'..=' ' | '\u{7f}'..='\u{a0}' | '\u{ad}'
        | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{301f}' | '\u{feff}'
        | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        let all = pieces(text);
        let whole: String = all.iter().map(|(Piece::Plain(part) | Piece::Link(part))| *part).collect();
        assert_eq!(whole, text, "nothing is lost");
        all.into_iter().filter_map(|piece| if let Piece::Link(link) = piece { Some(link) } else { None }).collect()
    }

    #[test]
    fn finds_addresses_in_sentences() {
        assert_eq!(links("see https://example.org/a?b=c#d, or http://[::1]:80/."), ["https://example.org/a?b=c#d", "http://[::1]:80/"]);
        assert_eq!(links("HTTPS://EXAMPLE.ORG!"), ["HTTPS://EXAMPLE.ORG"]);
        assert_eq!(links("https://a.b\nhttps://c.d"), ["https://a.b", "https://c.d"]);
        assert_eq!(links("no link at all"), Vec::<&str>::new());
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn chinese_punctuation_ends_an_address_and_chinese_words_do_not() {
        assert_eq!(links("看https://zh.wikipedia.org/wiki/中文，很好。"), ["https://zh.wikipedia.org/wiki/中文"]);
        for mark in "，。！？；：、（）「」『』【】《》“”‘’…　～".chars() {
            let text = format!("https://example.org/x{mark}后面");
            assert_eq!(links(&text), ["https://example.org/x"], "{mark}");
        }
    }

    #[test]
    fn brackets_are_balanced() {
        assert_eq!(links("(https://en.wikipedia.org/wiki/Rust_(language))"), ["https://en.wikipedia.org/wiki/Rust_(language)"]);
        assert_eq!(links("[https://a.b/c]"), ["https://a.b/c"]);
        assert_eq!(links("(see https://a.b/c)."), ["https://a.b/c"]);
    }

    #[test]
    fn finds_names_that_begin_with_www() {
        assert_eq!(links("see www.example.org, or (WWW.example.org/a?b)."), ["www.example.org", "WWW.example.org/a?b"]);
        assert_eq!(links("请访问www.example.com了解"), ["www.example.com"]);
        assert_eq!(links("www.example.com/中文，好"), ["www.example.com/中文"]);
        assert_eq!(links("https://www.example.com"), ["https://www.example.com"]);
        for text in ["www.", "www..", "www.example", "www.example.", "awww.a.b", "x@www.a.b", "ftp://www.a.b", "www.中文", "www.a/b.c"] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
        assert_eq!((href("www.a.b").as_str(), href("HTTP://a.b").as_str()), ("https://www.a.b", "HTTP://a.b"));
    }

    #[test]
    fn ignores_other_schemes() {
        for text in [
            "javascript://example.org/%0aalert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript://x.y",
            "file:///etc/passwd",
            "xhttp://a.b",
            "shttps://a.b",
            "http://",
            "https://.",
            "https:///a",
            "http:/a.b",
            "://",
        ] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn direction_marks_and_invisible_characters_end_an_address() {
        assert_eq!(links("https://a.b/\u{202e}gpj.exe"), ["https://a.b/"]);
        assert_eq!(links("https://a\u{200b}b.c"), ["https://a"]);
    }

    #[test]
    fn reads_hostile_texts_in_linear_time() {
        for text in ["http://.".repeat(2_000), "https://a".to_owned() + &")".repeat(16_000), "://".repeat(5_000), "www.".repeat(4_000)] {
            assert!(links(&text).len() <= 1);
        }
    }
}
