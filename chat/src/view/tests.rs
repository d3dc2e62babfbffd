//! What a person sees on the screen, and what they do.

mod person;

mod changes;
mod editing;
mod outbox;
mod random;
mod rooms;
mod scrolling;
mod search;
mod texts;
mod whole;
