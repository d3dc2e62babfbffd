//! The tabs of one browser that show the same room: one of them at a time may hold an HTTP stream.
//!
//! A browser opens six connections to a host and no more, so eight tabs with a stream each would leave two of them, and
//! every other request, waiting for ever. The tab that has a lock of this name leads: it holds the stream, and wakes
//! the others when something arrives. The wake-up carries no data; whoever wakes reads the log. A tab that closes,
//! crashes or is done with streams lets go of the lock, and the next one leads.

use std::cell::RefCell;
use std::rc::Rc;

use client::Event;
use js_sys::{Function, Object, Promise};
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
    granted: Closure<dyn FnMut() -> JsValue>,
    channel: Option<BroadcastChannel>,
    _woken: Closure<dyn FnMut()>,
}

/// Where this tab stands with the lock.
enum Claim {
    /// It does not want it. A request that is still in line gives it back at once.
    None,
    /// It is in line.
    Waits,
    /// It has it, until this is called.
    Leads(Function),
}

/// Whether this tab may open a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    /// It may.
    Open,
    /// Not before [`Event::Leads`].
    Wait,
}

impl Tabs {
    /// Joins the tabs of a room. `tell` hears [`Event::Leads`] and [`Event::Woken`].
    pub(super) fn join(room: &RoomName, tell: &Tell) -> Self {
        let name = "crier:stream:".to_owned() + room.as_str();
        let claim = Rc::new(RefCell::new(Claim::None));
        let (claimed, leads, wakes) = (Rc::clone(&claim), Rc::clone(tell), Rc::clone(tell));
        let granted = Closure::new(move || {
            if !matches!(*claimed.borrow(), Claim::Waits) {
                // The lock is held until what is returned here resolves, so this gives it back.
                return JsValue::UNDEFINED;
            }
            let held = Promise::new(&mut |release, _| *claimed.borrow_mut() = Claim::Leads(release));
            leads(Event::Leads);
            held.into()
        });
        let channel = BroadcastChannel::new(&name).ok();
        let woken = Closure::new(move || wakes(Event::Woken));
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(woken.as_ref().unchecked_ref()));
        }
        Self { name, claim, granted, channel, _woken: woken }
    }

    /// This tab wants to open a stream.
    pub(super) fn claim(&self) -> May {
        let waits = match &*self.claim.borrow() {
            Claim::Leads(_) => return May::Open,
            Claim::Waits => true,
            Claim::None => false,
        };
        if !waits {
            *self.claim.borrow_mut() = Claim::Waits;
            // A lock that is free is granted within milliseconds, so it need not be asked whether it is.
            if request_lock(&self.name, &Object::new(), self.granted.as_ref().unchecked_ref()).is_err() {
                *self.claim.borrow_mut() = Claim::None;
                return May::Open;
            }
        }
        May::Wait
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
