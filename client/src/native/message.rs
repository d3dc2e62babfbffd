//! A message to publish.

use protocol::{Author, ErrorCode, PublishKey, PublishRequest, Text};

/// A message for [`super::Room::publish`]. A text is one, and so is a [`PublishRequest`].
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
        Self(Text::parse(text.as_ref()).map(|text| PublishRequest { text, author: Author::default(), key: None, ..Default::default() }))
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
        Self(Ok(PublishRequest { text, author: Author::default(), key: None, ..Default::default() }))
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
