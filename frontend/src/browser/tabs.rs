//! The tabs of one browser that show the same room: only one at a time holds a response that stays
//! open.
//!
//! A browser opens at most six connections to a host. With eight tabs that hold a stream each, two
//! tabs and every other request would wait forever. So the tab that holds a Web Lock leads: it
//! holds the stream, and wakes the other tabs when something arrives. The wake-up carries no data;
//! each tab reads the log from its own position. A tab that closes, crashes or no longer needs
//! streams releases the lock, and the next tab in the queue leads.

use std::cell::RefCell;
use std::rc::Rc;

use client::Event;
use js_sys::{Function, Object, Promise, Reflect};
use protocol::RoomName;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::BroadcastChannel;

use super::EventSink;

#[wasm_bindgen]
extern "C" {
    /// The Web Locks API, which `web-sys` counts as unstable. It fails where the browser has none:
    /// it needs HTTPS or a loopback host.
    #[wasm_bindgen(catch, js_namespace = ["navigator", "locks"], js_name = request)]
    fn request_lock(name: &str, options: &Object, granted: &Function) -> Result<Promise, JsValue>;
}

/// This tab's place among the tabs of its room.
pub(super) struct Tabs {
    name: String,
    leadership: Rc<RefCell<Leadership>>,
    /// Called with the lock, or with `null` if another tab holds it.
    on_answer: Closure<dyn FnMut(JsValue) -> JsValue>,
    /// Called when it is this tab's turn in the queue.
    on_turn: Closure<dyn FnMut() -> JsValue>,
    channel: Option<BroadcastChannel>,
    _on_wake: Closure<dyn FnMut()>,
}

enum Leadership {
    /// The tab does not want the lock. If it is in the queue, it releases the lock as soon as it
    /// gets it.
    None,
    /// The tab has asked for the lock, or is in the queue.
    Wanted,
    /// The tab holds the lock until it calls this.
    Held(Function),
}

/// The immediate answer to [`Tabs::claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The tab may open a stream.
    Granted,
    /// The answer follows in a moment.
    Pending,
}

impl Tabs {
    /// Joins the tabs of a room. `answer` is called with the answer to a pending claim; `events`
    /// receives [`Event::BecameLeader`] and [`Event::Woken`].
    pub(super) fn join(room: &RoomName, events: &EventSink, answer: impl Fn(bool) + 'static) -> Self {
        let name = "crier:stream:".to_owned() + room.as_str();
        let leadership = Rc::new(RefCell::new(Leadership::None));
        let asked = Rc::clone(&leadership);
        let on_answer = Closure::new(move |lock: JsValue| {
            let held = if lock.is_null() { None } else { hold(&asked) };
            answer(held.is_some());
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let (queued, leads, wakes) = (Rc::clone(&leadership), Rc::clone(events), Rc::clone(events));
        let on_turn = Closure::new(move || {
            let held = hold(&queued);
            if held.is_some() {
                leads(Event::BecameLeader);
            }
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let channel = BroadcastChannel::new(&name).ok();
        let on_wake = Closure::new(move || wakes(Event::Woken));
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(on_wake.as_ref().unchecked_ref()));
        }
        Self { name, leadership, on_answer, on_turn, channel, _on_wake: on_wake }
    }

    /// Asks to open a stream.
    pub(super) fn claim(&self) -> Claim {
        if let Leadership::Held(_) = &*self.leadership.borrow() {
            return Claim::Granted;
        }
        self.leadership.replace(Leadership::Wanted);
        let options = Object::new();
        // A new object takes any field.
        _ = Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
        match request_lock(&self.name, &options, self.on_answer.as_ref().unchecked_ref()) {
            Ok(_) => Claim::Pending,
            // Without locks each tab has a stream of its own.
            Err(_) => Claim::Granted,
        }
    }

    /// Joins the queue for the lock, after a claim was refused.
    pub(super) fn queue(&self) {
        // The claim was answered, so the browser has locks.
        _ = request_lock(&self.name, &Object::new(), self.on_turn.as_ref().unchecked_ref());
    }

    /// Releases the lock: this tab needs no stream.
    pub(super) fn release(&self) {
        if let Leadership::Held(release) = self.leadership.replace(Leadership::None) {
            // Resolving a promise can't fail.
            _ = release.call0(&JsValue::UNDEFINED);
        }
    }

    /// Wakes the tabs that follow this one, if it leads.
    pub(super) fn wake(&self) {
        if let (Leadership::Held(_), Some(channel)) = (&*self.leadership.borrow(), &self.channel) {
            // A closed channel has no followers.
            _ = channel.post_message(&JsValue::NULL);
        }
    }
}

/// Takes a lock that was granted, if it is still wanted. The lock is held until the returned
/// promise resolves; without a promise it is released at once.
fn hold(leadership: &RefCell<Leadership>) -> Option<Promise> {
    let wanted = matches!(*leadership.borrow(), Leadership::Wanted);
    wanted.then(|| Promise::new(&mut |release, _| _ = leadership.replace(Leadership::Held(release))))
}
