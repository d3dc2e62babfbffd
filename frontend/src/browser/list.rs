//! A list of rows as nodes, changed where its rows have changed and nowhere else.

use std::collections::VecDeque;

use web_sys::Element;

use super::document;
use crate::logic::rows::Row;
use crate::markup::{self, Node};

/// A list in the document, with the rows that are in it.
pub struct List {
    parent: Option<Element>,
    shown: VecDeque<(Row, Element)>,
}

impl List {
    /// Takes over the list with this id, in which the server has written these rows. What it has beyond them goes.
    pub fn adopt(id: &str, rows: Vec<Row>) -> Self {
        let parent = document().get_element_by_id(id);
        let mut next = parent.as_ref().and_then(Element::first_element_child);
        let mut shown = VecDeque::new();
        for row in rows {
            let Some(element) = next else { break };
            next = element.next_element_sibling();
            shown.push_back((row, element));
        }
        while let Some(element) = next {
            next = element.next_element_sibling();
            element.remove();
        }
        Self { parent, shown }
    }

    /// Whether it shows exactly these rows.
    pub fn shows(&self, rows: &[Row]) -> bool {
        self.shown.len() == rows.len() && self.shown.iter().zip(rows).all(|((shown, _), row)| shown == row)
    }

    /// Shows these rows, and makes those that are new. A row that stays keeps its element, and the focus in it, even if it
    /// comes to look different.
    pub fn show(&mut self, rows: Vec<Row>, make: &dyn Fn(&Row) -> markup::Element) {
        let Some(parent) = &self.parent else { return };
        let mut shown = VecDeque::with_capacity(rows.len());
        for row in rows {
            if let Some(found) = self.shown.iter().position(|(old, _)| old.is_same(&row)) {
                for (_, gone) in self.shown.drain(..found) {
                    gone.remove();
                }
                let Some((old, element)) = self.shown.pop_front() else { continue };
                if old != row {
                    attribute(&element, &make(&row));
                }
                shown.push_back((row, element));
            } else {
                let element = node(&make(&row));
                let next = self.shown.front().map(|(_, next)| next.as_ref());
                // It can't fail: what it is put before is in the list.
                _ = parent.insert_before(&element, next);
                shown.push_back((row, element));
            }
        }
        for (_, gone) in self.shown.drain(..) {
            gone.remove();
        }
        self.shown = shown;
    }

    /// The message that begins above this height of the screen and is nearest to it; the first, if none is above.
    pub(super) fn message_at(&self, height: f64) -> Option<&Element> {
        let is_message = |(row, _): &&(Row, Element)| matches!(row, Row::Message { .. });
        let above = self.shown.partition_point(|(_, element)| element.get_bounding_client_rect().top() <= height);
        let found = self.shown.iter().take(above).rfind(is_message).or_else(|| self.shown.iter().find(is_message));
        found.map(|(_, element)| element)
    }

    /// The elements of the rows.
    pub fn elements(&self) -> impl Iterator<Item = (&Row, &Element)> {
        self.shown.iter().map(|(row, element)| (row, element))
    }
}

/// An element as a node of the document.
pub(super) fn node(made: &markup::Element) -> Element {
    let document = document();
    // Names of elements and attributes are ours, so these can't fail.
    let element = document.create_element(made.tag).expect("a name");
    attribute(&element, made);
    for child in &made.children {
        _ = match child {
            Node::Element(child) => element.append_child(&node(child)),
            Node::Text(text) => element.append_child(&document.create_text_node(text)),
        };
    }
    element
}

fn attribute(element: &Element, made: &markup::Element) {
    for (name, value) in &made.attributes {
        _ = element.set_attribute(name, value);
    }
}
