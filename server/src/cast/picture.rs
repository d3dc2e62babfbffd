//! A picture in every form in which it travels, each made once.

use bytes::Bytes;

use crate::codec;

/// The media type of a stream of pictures, each of which replaces the one before.
pub const PARTS_TYPE: &str = "multipart/x-mixed-replace; boundary=picture";
/// What such a stream begins with.
pub const PARTS_START: &[u8] = b"--picture\r\n";
/// What stands after each picture. Browsers show a picture only when they have seen this.
const PART_END: &[u8] = b"\r\n--picture\r\n";

/// A JPEG. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// The presenter's message, as a WebSocket frame.
    pub(super) message: Bytes,
    /// A part of a stream of pictures.
    pub(super) part: Bytes,
    /// The picture itself.
    pub(super) jpeg: Bytes,
}

impl Picture {
    /// Makes every form of a presenter's message that has this picture.
    pub(super) fn new(message: &[u8], jpeg: &[u8]) -> Self {
        let head = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        let part = Bytes::from([head.as_bytes(), jpeg, PART_END].concat());
        Self { message: codec::binary_frame(message), jpeg: part.slice(head.len()..head.len() + jpeg.len()), part }
    }
}
