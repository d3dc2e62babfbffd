//! A message or change to publish.

use protocol::{Author, Emoji, ErrorCode, Kind, PublishKey, PublishRequest, RoomSettings, Text};

/// A message for [`super::Room::publish`], or a change of one. A text is a message, and a
/// [`PublishRequest`] is either.
///
/// Texts, names and keys are checked when the message is published, so that a program handles one
/// error in one place. [`PublishRequest::try_from`] checks at once.
///
/// ```
/// use client::{Author, Message, PublishRequest};
///
/// let message = PublishRequest::try_from(Message::new("hello").author("Ana").key("greeting-1"))?;
/// assert_eq!(message.author, Author::parse("Ana")?);
/// assert_eq!(PublishRequest::try_from(Message::new(" ")), Err(client::ErrorCode::TextEmpty));
/// # Ok::<(), client::ErrorCode>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Result<PublishRequest, ErrorCode>);

impl Message {
    /// Creates a message without an author's name.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Text::parse(text.as_ref()).map(|text| PublishRequest { text, ..PublishRequest::default() }))
    }

    /// Creates the edit of the message at an offset: its new text.
    pub fn edit(of: u64, text: impl AsRef<str>) -> Self {
        Self::new(text).of(Kind::Edit, of)
    }

    /// Creates a change that takes back the message at an offset, for good.
    pub fn erase(of: u64) -> Self {
        Self::change(Kind::Erase, of)
    }

    /// Creates a reaction to the message at an offset: one emoji.
    pub fn react(of: u64, emoji: impl AsRef<str>) -> Self {
        let emoji = Emoji::parse(emoji.as_ref());
        Self(emoji.map(|emoji| PublishRequest { emoji: Some(emoji), ..PublishRequest::default() })).of(Kind::React, of)
    }

    /// Creates a change that takes a reaction back.
    pub fn unreact(of: u64, emoji: impl AsRef<str>) -> Self {
        Self(Self::react(of, emoji).0.map(|reaction| PublishRequest { off: true, ..reaction }))
    }

    /// Creates a change that pins the message at an offset. Only moderators may publish it.
    pub fn pin(of: u64) -> Self {
        Self::change(Kind::Pin, of)
    }

    /// Creates a change that unpins the message at an offset. Only moderators may publish it.
    pub fn unpin(of: u64) -> Self {
        Self::change(Kind::Unpin, of)
    }

    /// Creates new settings of the room. Only moderators may publish them.
    pub fn settings(settings: RoomSettings) -> Self {
        let settings = settings.checked();
        Self(settings.map(|settings| PublishRequest { kind: Kind::Room, settings: Some(Box::new(settings)), ..PublishRequest::default() }))
    }

    fn change(kind: Kind, of: u64) -> Self {
        Self(Ok(PublishRequest::default())).of(kind, of)
    }

    fn of(self, kind: Kind, of: u64) -> Self {
        Self(self.0.map(|change| PublishRequest { kind, of: Some(of), ..change }))
    }

    /// Makes the message a reply to the one at an offset.
    #[must_use]
    pub fn reply_to(self, offset: u64) -> Self {
        Self(self.0.map(|message| PublishRequest { reply: Some(offset), ..message }))
    }

    /// Sets the author's name.
    #[must_use]
    pub fn author(self, name: impl AsRef<str>) -> Self {
        Self(self.0.and_then(|message| Ok(PublishRequest { author: Author::parse(name.as_ref())?, ..message })))
    }

    /// Sets the key with which it is safe to publish the message again, also from another process.
    /// Without one, [`super::Room::publish`] draws a key for each call.
    #[must_use]
    pub fn key(self, key: impl AsRef<str>) -> Self {
        Self(self.0.and_then(|message| {
            let key: PublishKey = key.as_ref().parse()?;
            Ok(PublishRequest { key: Some(key), ..message })
        }))
    }
}

impl TryFrom<Message> for PublishRequest {
    type Error = ErrorCode;

    fn try_from(message: Message) -> Result<Self, ErrorCode> {
        message.0
    }
}

impl From<PublishRequest> for Message {
    fn from(message: PublishRequest) -> Self {
        Self(Ok(message))
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self(Ok(PublishRequest { text, ..PublishRequest::default() }))
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Message {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}
