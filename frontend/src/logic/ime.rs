//! Whether an Enter sends, breaks the line, or belongs to an input method.
//!
//! People who write Chinese, Japanese or Korean confirm a composition with Enter, and browsers
//! disagree on the order of events: Chrome and Firefox send the key during the composition; Safari
//! ends it first and then sends the key, marked only by the key code 229 (W3C UI Events, section
//! 5.6, leaves the order open). Chrome on macOS can also leave 229 on a key long after a
//! composition; such an Enter must send.

/// A key may belong to a composition for this long after its end, in milliseconds.
const LINGER_MS: f64 = 100.0;
/// The key code of a key that the input method handles.
pub const PROCESS_KEY: u32 = 229;

/// The compositions of one text field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Composition {
    composing: bool,
    ended: Option<f64>,
}

/// The properties of a keyboard event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// True if it is Enter.
    pub enter: bool,
    /// True if Shift is down.
    pub shift: bool,
    /// True if Ctrl or ⌘ is down.
    pub ctrl: bool,
    /// The event's `isComposing`.
    pub is_composing: bool,
    /// The event's `keyCode`.
    pub code: u32,
    /// The event's timestamp, in milliseconds.
    pub at: f64,
}

impl Composition {
    /// A composition starts.
    pub fn start(&mut self) {
        self.composing = true;
    }

    /// A composition ends, at the event's time.
    pub fn end(&mut self, at: f64) {
        self.composing = false;
        self.ended = Some(at);
    }

    /// True during a composition.
    pub fn is_open(&self) -> bool {
        self.composing
    }

    /// True if a key sends the text. `with_ctrl` is the setting that only Ctrl or ⌘ with Enter
    /// sends.
    pub fn sends(&self, key: Key, with_ctrl: bool) -> bool {
        let over = self.ended.is_some_and(|ended| key.at - ended > LINGER_MS);
        let processed = (key.is_composing || key.code == PROCESS_KEY) && !over;
        let meant = key.ctrl || !with_ctrl && !key.shift;
        key.enter && meant && !self.composing && !processed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTER: Key = Key { enter: true, shift: false, ctrl: false, is_composing: false, code: 13, at: 1000.0 };

    #[test]
    fn a_plain_enter_sends() {
        let idle = Composition::default();
        assert!(idle.sends(ENTER, false));
        assert!(!idle.sends(Key { shift: true, ..ENTER }, false));
        assert!(!idle.sends(Key { enter: false, code: 65, ..ENTER }, false));
    }

    #[test]
    fn an_enter_inside_a_composition_never_sends() {
        let mut composition = Composition::default();
        composition.start();
        for key in [ENTER, Key { is_composing: true, ..ENTER }, Key { code: 229, ..ENTER }, Key { at: 9e9, ..ENTER }] {
            assert!(!composition.sends(key, false), "{key:?}");
        }
        composition.end(500.0);
        composition.start();
        assert!(!composition.sends(ENTER, false));
    }

    #[test]
    fn safari_ends_the_composition_before_its_enter() {
        let mut composition = Composition::default();
        composition.start();
        composition.end(999.0);
        assert!(!composition.sends(Key { code: 229, ..ENTER }, false));
        assert!(!composition.sends(Key { code: 229, at: 1099.0, ..ENTER }, false));
    }

    #[test]
    fn a_late_key_code_229_does_not_stop_an_enter() {
        let mut composition = Composition::default();
        composition.start();
        composition.end(899.0);
        assert!(composition.sends(Key { code: 229, ..ENTER }, false));
        assert!(composition.sends(Key { is_composing: true, ..ENTER }, false));
    }

    #[test]
    fn a_quick_enter_after_a_composition_sends() {
        let mut composition = Composition::default();
        composition.start();
        composition.end(990.0);
        assert!(composition.sends(ENTER, false));
    }

    #[test]
    fn a_marked_key_without_composition_events_does_not_send() {
        assert!(!Composition::default().sends(Key { code: 229, ..ENTER }, false));
        assert!(!Composition::default().sends(Key { is_composing: true, ..ENTER }, false));
    }

    #[test]
    fn with_the_setting_only_ctrl_and_enter_sends() {
        let idle = Composition::default();
        assert!(!idle.sends(ENTER, true));
        assert!(idle.sends(Key { ctrl: true, ..ENTER }, true));
        assert!(idle.sends(Key { ctrl: true, ..ENTER }, false));
        assert!(!idle.sends(Key { ctrl: true, code: 229, ..ENTER }, true));
        assert!(!idle.sends(Key { ctrl: true, enter: false, ..ENTER }, true));
    }
}
