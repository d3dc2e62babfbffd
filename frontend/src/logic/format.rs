//! Finds code, emphasis and links in a text: a small subset of Markdown.
//!
//! - Lines between two lines of three backticks are a block of code.
//! - Within a line, `` `x` `` is code, and `*x*`, `**x**` and `***x***` are emphasis.
//!
//! Everything else stays as it is. The rules are strict where ordinary texts have such characters:
//! paths, products and emoticons are not emphasis. Marks are parts of the text as well, so all
//! parts together are the text.

use std::ops::Range;

use super::urls;

/// The longest run of backticks or asterisks that is a mark.
const MARK_BYTES_MAX: usize = 3;
/// The line that ends a block of code.
const FENCE: &str = "```";

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The part as it was written.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind,
    /// How it is emphasized: a sum of [`EMPHASIS`] and [`STRONG`].
    pub stress: usize,
}

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// An address.
    Link,
    /// A mark, which is hidden.
    Mark,
    /// Code within a line.
    Code,
    /// Lines of code.
    Block,
}

/// Emphasis, by one asterisk.
pub const EMPHASIS: usize = 1;
/// Strong emphasis, by two asterisks.
pub const STRONG: usize = 2;

/// Splits a text into its parts.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut parts = Parts { text, parts: Vec::new() };
    parts.read();
    parts.finish()
}

/// A part begins where the one before it ends.
#[derive(Clone, Copy)]
struct Part {
    end: usize,
    kind: Kind,
    stress: usize,
}

struct Parts<'a> {
    text: &'a str,
    parts: Vec<Part>,
}

/// A run of asterisks.
struct Stars {
    part: usize,
    length: usize,
    opens: bool,
    closes: bool,
}

impl<'a> Parts<'a> {
    fn push(&mut self, end: usize, kind: Kind) {
        self.parts.push(Part { end, kind, stress: 0 });
    }

    /// Finds the blocks of code. A block without an end is none.
    fn read(&mut self) {
        let (mut done, mut at, mut open) = (0, 0, None);
        for line in self.text.split_inclusive('\n') {
            let (start, fence) = (at, line.trim_ascii());
            at += line.len();
            match open {
                None if fence.strip_prefix(FENCE).is_some_and(|language| !language.contains('`')) => open = Some((start, at)),
                Some((block, code)) if fence == FENCE && start > code + 1 => {
                    self.read_lines(done..block);
                    self.push(code, Kind::Mark);
                    // The block is on lines of its own, so the line breaks around it are marks.
                    self.push(start - 1, Kind::Block);
                    self.push(at, Kind::Mark);
                    (done, open) = (at, None);
                }
                _ => {}
            }
        }
        self.read_lines(done..self.text.len());
    }

    fn read_lines(&mut self, lines: Range<usize>) {
        let text = &self.text[lines.clone()];
        // Most texts have no marks at all.
        if !text.bytes().any(|byte| matches!(byte, b'`' | b'*')) {
            return self.read_words(lines, &mut Vec::new());
        }
        let mut at = lines.start;
        for line in text.split_inclusive('\n') {
            self.read_line(at..at + line.len());
            at += line.len();
        }
    }

    /// Finds the code within a line, and the emphasis around and between it.
    fn read_line(&mut self, line: Range<usize>) {
        let text = self.text;
        let (mut done, mut at, mut stars) = (line.start, line.start, Vec::new());
        // Lengths of marks that don't come again in this line.
        let mut absent = [false; MARK_BYTES_MAX];
        while let Some(found) = text[at..line.end].find('`') {
            let open = at + found;
            let length = run_length(text, open, line.end, b'`');
            at = open + length;
            if length > MARK_BYTES_MAX || absent[length - 1] {
                continue;
            }
            let Some(close) = find_run(text, at, line.end, length) else {
                absent[length - 1] = true;
                continue;
            };
            if text[at..close].trim_ascii().is_empty() {
                continue;
            }
            self.read_words(done..open, &mut stars);
            self.push(at, Kind::Mark);
            self.push(close, Kind::Code);
            self.push(close + length, Kind::Mark);
            (done, at) = (close + length, close + length);
        }
        self.read_words(done..line.end, &mut stars);
        self.emphasize(&stars);
    }

    /// Finds the links, and the asterisks outside of them.
    fn read_words(&mut self, words: Range<usize>, stars: &mut Vec<Stars>) {
        let mut at = words.start;
        for piece in urls::pieces(&self.text[words]) {
            match piece {
                urls::Piece::Plain(plain) => self.read_plain(at..at + plain.len(), stars),
                urls::Piece::Link(link) => self.push(at + link.len(), Kind::Link),
            }
            let (urls::Piece::Plain(part) | urls::Piece::Link(part)) = piece;
            at += part.len();
        }
    }

    fn read_plain(&mut self, plain: Range<usize>, stars: &mut Vec<Stars>) {
        let mut at = plain.start;
        while let Some(found) = self.text[at..plain.end].find('*') {
            let start = at + found;
            let length = run_length(self.text, start, plain.end, b'*');
            if start > at {
                self.push(start, Kind::Text);
            }
            at = start + length;
            self.push(at, Kind::Text);
            if length > MARK_BYTES_MAX {
                continue;
            }
            let (before, after) = (self.text[..start].chars().next_back(), self.text[at..].chars().next());
            let opens = before.is_none_or(can_stand_before)
                && after.is_some_and(|c| is_letter(c) || matches!(c, '"' | '\'' | '(' | '[' | '`' | '$' | '#' | '@'));
            let closes = after.is_none_or(can_stand_after)
                && before
                    .is_some_and(|c| is_letter(c) || matches!(c, '"' | '\'' | ')' | ']' | '.' | ',' | '!' | '?' | ':' | ';' | '%' | '`'));
            stars.push(Stars { part: self.parts.len() - 1, length, opens, closes });
        }
        if at < plain.end {
            self.push(plain.end, Kind::Text);
        }
    }

    /// Pairs the asterisks of a line. Pairs are nested, and of each length one is open at a time,
    /// so this takes linear time.
    fn emphasize(&mut self, stars: &[Stars]) {
        let mut open: [Option<usize>; MARK_BYTES_MAX] = [None; MARK_BYTES_MAX];
        for (index, run) in stars.iter().enumerate() {
            match open[run.length - 1] {
                Some(opening) if run.closes => {
                    let first = stars[opening].part;
                    for part in &mut self.parts[first + 1..run.part] {
                        part.stress |= run.length;
                    }
                    (self.parts[first].kind, self.parts[run.part].kind) = (Kind::Mark, Kind::Mark);
                    for other in &mut open {
                        *other = other.filter(|other| *other < opening);
                    }
                }
                _ if run.opens => open[run.length - 1] = Some(index),
                _ => {}
            }
        }
    }

    /// Joins neighbours that look the same.
    fn finish(self) -> Vec<Piece<'a>> {
        let mut pieces: Vec<Piece<'a>> = Vec::with_capacity(self.parts.len());
        let (mut start, mut parts) = (0, self.parts.into_iter().peekable());
        while let Some(part) = parts.next() {
            let is_joined = |next: &Part| part.kind == Kind::Text && next.kind == Kind::Text && next.stress == part.stress;
            if parts.peek().is_none_or(|next| !is_joined(next)) {
                pieces.push(Piece { text: &self.text[start..part.end], kind: part.kind, stress: part.stress });
                start = part.end;
            }
        }
        pieces
    }
}

/// Returns how many bytes of this kind follow one another.
fn run_length(text: &str, start: usize, end: usize, byte: u8) -> usize {
    text.as_bytes()[start..end].iter().take_while(|other| **other == byte).count()
}

/// Returns where the next run of exactly so many backticks starts.
fn find_run(text: &str, mut from: usize, end: usize, length: usize) -> Option<usize> {
    while let Some(found) = text[from..end].find('`') {
        let start = from + found;
        let run = run_length(text, start, end, b'`');
        if run == length {
            return Some(start);
        }
        from = start + run;
    }
    None
}

/// True if emphasis may begin after this character. Letters of scripts without spaces are allowed.
fn can_stand_before(c: char) -> bool {
    c.is_ascii_whitespace()
        || !c.is_ascii()
        || matches!(c, '(' | '[' | '{' | '"' | '\'' | '<' | '>' | ':' | ',' | ';' | '!' | '?' | '-' | '~' | '|')
}

/// True if emphasis may end before this character.
fn can_stand_after(c: char) -> bool {
    c.is_ascii_whitespace()
        || !c.is_ascii()
        || matches!(c, ')' | ']' | '}' | '"' | '\'' | '<' | '>' | ':' | ',' | ';' | '!' | '?' | '.' | '-' | '~' | '|')
}

/// True for ASCII letters and digits, and for what is probably a letter elsewhere: not for the
/// symbols that emoticons are made of.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '\u{c0}'..='\u{1fff}' | '\u{2018}'..='\u{201f}' | '\u{2026}' | '\u{2e80}'..='\u{ff3a}' | '\u{ff66}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the parts with a letter for each kind, and their stress.
    fn shown(text: &str) -> String {
        let letter = |piece: &Piece<'_>| match piece.kind {
            Kind::Text => ["", "/", "+", "#"][piece.stress].to_owned(),
            Kind::Link => format!("L{}", ["", "/", "+", "#"][piece.stress]),
            Kind::Mark => "M".to_owned(),
            Kind::Code => "C".to_owned(),
            Kind::Block => "B".to_owned(),
        };
        let all = pieces(text);
        assert_eq!(all.iter().map(|piece| piece.text).collect::<String>(), text, "nothing is lost");
        all.iter().filter(|piece| piece.kind != Kind::Mark).map(|piece| format!("{}[{}]", letter(piece), piece.text)).collect()
    }

    #[test]
    fn finds_emphasis() {
        assert_eq!(shown("a *b* **c** ***d*** e"), "[a ]/[b][ ]+[c][ ]#[d][ e]");
        assert_eq!(shown("**Note:** see (*this*), \"**that**\"."), "+[Note:][ see (]/[this][), \"]+[that][\".]");
        assert_eq!(shown("**a *b* c**"), "+[a ]#[b]+[ c]");
        assert_eq!(shown("*a **b** c*"), "/[a ]#[b]/[ c]");
        assert_eq!(shown("**see https://a.b/c_d**"), "+[see ]L+[https://a.b/c_d]");
    }

    #[test]
    fn finds_emphasis_between_chinese_characters() {
        assert_eq!(shown("中文**粗体**中文"), "[中文]+[粗体][中文]");
        assert_eq!(shown("**注意！**请看*《红楼梦》*。"), "+[注意！][请看]/[《红楼梦》][。]");
        assert_eq!(shown("他说**“好”**了"), "[他说]+[“好”][了]");
    }

    #[test]
    fn leaves_ordinary_texts_alone() {
        for text in [
            "snake_case __init__ _x_",
            "2*3*4 = 24, 2**3**2",
            "a * b * c",
            "* one\n* two",
            "*one\ntwo*",
            "src/**/*.rs tests/**/*.rs",
            "*.rs *.toml*",
            "(*^_^*) (*´▽｀*) *-* **",
            "f**k sh**t *****",
            "price* (see below*)",
            "char *p = *q; /* x */",
            "``` `` `",
            "` `",
            "`one\ntwo`",
            "```\nnot closed",
            "```\n```",
            "```\n\n```",
        ] {
            assert_eq!(shown(text), format!("[{text}]"));
        }
        assert_eq!(shown("https://a.b/x_y_z*w*"), "L[https://a.b/x_y_z*w][*]");
    }

    #[test]
    fn finds_code_within_a_line() {
        assert_eq!(shown("run `cargo *x*` or ``a ` b``."), "[run ]C[cargo *x*][ or ]C[a ` b][.]");
        assert_eq!(shown("`https://a.b`"), "C[https://a.b]");
        assert_eq!(shown("**`a`** ```b```"), "C[a][ ]C[b]");
        assert_eq!(shown("一个`函数`名"), "[一个]C[函数][名]");
        assert_eq!(shown("`a` `b"), "C[a][ `b]");
    }

    #[test]
    fn finds_blocks_of_code() {
        assert_eq!(shown("look:\n```rust\nlet x = *y;\n\n*z*\n```\n*after*"), "[look:\n]B[let x = *y;\n\n*z*]/[after]");
        assert_eq!(shown("```\na\n```"), "B[a]");
        assert_eq!(shown("```\na\n```\n```\nb\n```"), "B[a]B[b]");
        assert_eq!(shown("a ```b\nc\n```"), "[a ```b\nc\n```]");
        assert_eq!(shown("```\n`x`\nhttps://a.b"), "[```\n]C[x][\n]L[https://a.b]");
    }

    #[test]
    fn any_text_is_its_parts_in_order() {
        let words = [
            "*",
            "**",
            "***",
            "`",
            "``",
            "```",
            "\n",
            "\n```\n",
            " ",
            "a",
            "b_c",
            "中",
            "，",
            "https://a.b",
            "www.a.b",
            "(",
            ")",
            "/",
            "😀",
            "\u{301}",
        ];
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                text.push_str(words[(random % words.len() as u64) as usize]);
            }
            let all = pieces(&text);
            assert_eq!(all.iter().map(|piece| piece.text).collect::<String>(), text);
            assert!(all.iter().all(|piece| !piece.text.is_empty() && piece.stress <= EMPHASIS + STRONG), "{text:?}");
            let is_plain = |piece: &Piece<'_>| piece.kind == Kind::Text;
            assert!(!all.windows(2).any(|pair| pair.iter().all(is_plain) && pair[0].stress == pair[1].stress), "{text:?}");
        }
    }

    #[test]
    fn reads_hostile_texts_in_linear_time() {
        for unit in ["*", "*a", "a*", " *a", "*a **b ", "`", "` ", "`a", "``` ` `` ", "```\n", "```\na\n", "www.", "*https://a "] {
            let text = unit.repeat(16_000 / unit.len());
            assert_eq!(pieces(&text).iter().map(|piece| piece.text.len()).sum::<usize>(), text.len(), "{unit}");
        }
    }
}
