//! Rows as plain data: what is in them, before anybody has made HTML or nodes of it.
//!
//! The rows are most of the page, and what changes in it hundreds of times a second. The server writes them as HTML, the
//! browser makes nodes of them (`browser/list.rs`), both from this; a view of the framework for each kind of row would be a
//! quarter of the bundle, and slower. Text stays text on both sides: there is no other way to put it in.

use std::borrow::Cow;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name. Elements that have no end tag are not made this way.
    pub tag: &'static str,
    /// Its attributes.
    pub attributes: Vec<(&'static str, Cow<'static, str>)>,
    /// What is in it.
    pub children: Vec<Node>,
}

/// What is in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text.
    Text(Cow<'static, str>),
}

impl Element {
    /// An element with nothing in it.
    pub fn new(tag: &'static str) -> Self {
        Self { tag, attributes: Vec::new(), children: Vec::new() }
    }

    /// The same with a class.
    #[must_use]
    pub fn class(self, class: &'static str) -> Self {
        self.with("class", Cow::Borrowed(class))
    }

    /// The same with an attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Cow<'static, str>) -> Self {
        self.attributes.push((name, value));
        self
    }

    /// The same with text at its end.
    #[must_use]
    pub fn text(mut self, text: Cow<'static, str>) -> Self {
        self.children.push(Node::Text(text));
        self
    }

    /// The same with an element at its end.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Writes it as HTML.
    pub fn write(&self, html: &mut String) {
        html.push('<');
        html.push_str(self.tag);
        for (name, value) in &self.attributes {
            html.push(' ');
            html.push_str(name);
            html.push_str("=\"");
            escape(value, html);
            html.push('"');
        }
        html.push('>');
        for child in &self.children {
            match child {
                Node::Element(child) => child.write(html),
                Node::Text(text) => escape(text, html),
            }
        }
        html.push_str("</");
        html.push_str(self.tag);
        html.push('>');
    }
}

/// Writes text as HTML that is nothing but text, between tags and inside quotes of either kind. The only place where
/// that is done.
pub fn escape(text: &str, html: &mut String) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        html.push_str(&text[plain..at]);
        html.push_str(reference);
        plain = at + 1;
    }
    html.push_str(&text[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let hostile = "\"><script>alert('1')</script>&amp;";
        let element = Element::new("p").with("title", hostile.into()).text(hostile.into()).child(Element::new("b").class("x"));
        let mut html = String::new();
        element.write(&mut html);
        let safe = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;";
        assert_eq!(html, format!("<p title=\"{safe}\">{safe}<b class=\"x\"></b></p>"));
    }
}
