//! The tabs of one browser that show the same room: one of them at a time may hold an HTTP stream.
//!
//! A browser opens six connections to a host and no more, so eight tabs with a stream each would leave two of them, and
//! every other request, waiting for ever. The tab that has a lock of this name leads: it holds the stream, and wakes
//! the others when something arrives. The wake-up carries no data; whoever wakes reads the log. A tab that closes,
//! crashes or is done with streams lets go of the lock, and the next one leads.

use std::cell::RefCell;
use std::rc::Rc;

use client::Event;
use js_sys::{Function, Object, Promise, Reflect};
use protocol::RoomName;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::BroadcastChannel;

use super::Tell;

#[wasm_bindgen]
extern "C" {
    /// The Web Locks API, which the bindings count among the unstable ones. It fails where there is none: browsers have
    /// it on pages that came by HTTPS or from the machine itself.
    #[wasm_bindgen(catch, js_namespace = ["navigator", "locks"], js_name = request)]
    fn request_lock(name: &str, options: &Object, granted: &Function) -> Result<Promise, JsValue>;
}

/// This tab among its like.
pub(super) struct Tabs {
    name: String,
    claim: Rc<RefCell<Claim>>,
    /// Whether the lock is free, once it was asked for.
    asked: Closure<dyn FnMut(JsValue) -> JsValue>,
    /// It is this tab's turn.
    granted: Closure<dyn FnMut() -> JsValue>,
    channel: Option<BroadcastChannel>,
    _woken: Closure<dyn FnMut()>,
}

/// Where this tab stands with the lock.
enum Claim {
    /// It does not want it. If it is in line nevertheless, it gives the lock back as soon as it has it.
    None,
    /// It wants it, and either asks or is in line.
    Wants,
    /// It has it, until this is called.
    Leads(Function),
}

/// Whether this tab may open a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// It may.
    Open,
    /// That will be told in a moment.
    Tell,
}

impl Tabs {
    /// Joins the tabs of a room. `answer` is told what a claim came to, `tell` hears [`Event::BecameLeader`] and
    /// [`Event::Woken`].
    pub(super) fn join(room: &RoomName, tell: &Tell, answer: impl Fn(bool) + 'static) -> Self {
        let name = "crier:stream:".to_owned() + room.as_str();
        let claim = Rc::new(RefCell::new(Claim::None));
        let claimed = Rc::clone(&claim);
        let asked = Closure::new(move |lock: JsValue| {
            let held = if lock.is_null() { None } else { hold(&claimed) };
            answer(held.is_some());
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let (claimed, leads, wakes) = (Rc::clone(&claim), Rc::clone(tell), Rc::clone(tell));
        let granted = Closure::new(move || {
            let held = hold(&claimed);
            if held.is_some() {
                leads(Event::BecameLeader);
            }
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let channel = BroadcastChannel::new(&name).ok();
        let woken = Closure::new(move || wakes(Event::Woken));
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(woken.as_ref().unchecked_ref()));
        }
        Self { name, claim, asked, granted, channel, _woken: woken }
    }

    /// This tab wants to open a stream.
    pub(super) fn claim(&self) -> May {
        if let Claim::Leads(_) = &*self.claim.borrow() {
            return May::Open;
        }
        self.claim.replace(Claim::Wants);
        let options = Object::new();
        // Setting a field of an object that was just made can't fail.
        _ = Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
        match request_lock(&self.name, &options, self.asked.as_ref().unchecked_ref()) {
            Ok(_) => May::Tell,
            // Where there are no locks, each tab has a stream of its own.
            Err(_) => May::Open,
        }
    }

    /// Another tab leads: this one is next, or after those that wait already.
    pub(super) fn wait(&self) {
        // There are locks, or this would not have been told.
        _ = request_lock(&self.name, &Object::new(), self.granted.as_ref().unchecked_ref());
    }

    /// This tab needs no stream.
    pub(super) fn release(&self) {
        if let Claim::Leads(release) = self.claim.replace(Claim::None) {
            // Resolving a promise can't fail.
            _ = release.call0(&JsValue::UNDEFINED);
        }
    }

    /// Something arrived: the tabs that follow this one go and read it.
    pub(super) fn wake(&self) {
        if let (Claim::Leads(_), Some(channel)) = (&*self.claim.borrow(), &self.channel) {
            // A channel that is closed has nobody to wake.
            _ = channel.post_message(&JsValue::NULL);
        }
    }
}

/// Takes a lock that was granted, if it is still wanted. It is held until what is returned resolves; a lock that is not
/// taken is given back at once.
fn hold(claim: &RefCell<Claim>) -> Option<Promise> {
    let wants = matches!(*claim.borrow(), Claim::Wants);
    wants.then(|| Promise::new(&mut |release, _| _ = claim.replace(Claim::Leads(release))))
}
