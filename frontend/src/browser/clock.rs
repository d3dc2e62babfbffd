//! The clock, the calendar and random numbers.

use std::cell::Cell;

use js_sys::Date;
use wasm_bindgen::JsValue;

use crate::logic::datetime::{DateTime, Day};

/// A clock in milliseconds that only moves forward, and also moves while the machine sleeps.
///
/// Browsers have no such clock: on some systems `performance.now()` stops during sleep, and `Date`
/// jumps when somebody sets it. So each reading advances by the clock that advanced more.
pub(super) struct Clock(Cell<Reading>);

#[derive(Clone, Copy)]
struct Reading {
    steady: f64,
    wall: f64,
    now: f64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self(Cell::new(Reading { steady: steady(), wall: Date::now(), now: 0.0 }))
    }

    pub(super) fn now(&self) -> u64 {
        let (last, steady, wall) = (self.0.get(), steady(), Date::now());
        let now = last.now + (steady - last.steady).max(wall - last.wall).max(0.0);
        self.0.set(Reading { steady, wall, now });
        now as u64
    }
}

fn steady() -> f64 {
    super::window().performance().map_or(0.0, |performance| performance.now())
}

/// The time by this machine's clock, in milliseconds since 1970.
pub(super) fn wall_time() -> u64 {
    Date::now() as u64
}

/// The current day in the reader's zone, and in how many milliseconds it may change. All zones are
/// whole quarters of an hour apart.
pub(super) fn today() -> (Day, u64) {
    const QUARTER_MS: u64 = 15 * 60 * 1000;
    let now = wall_time();
    (local(now).day, QUARTER_MS - now % QUARTER_MS)
}

/// A time, in milliseconds since 1970, in the reader's zone.
pub(super) fn local(time: u64) -> DateTime {
    moment(&Date::new(&JsValue::from_f64(time as f64)))
}

/// How many minutes the reader's clock is ahead of UTC today.
pub(super) fn zone() -> i32 {
    -Date::new_0().get_timezone_offset() as i32
}

fn moment(date: &Date) -> DateTime {
    let day = Day { year: date.get_full_year() as i32, month: date.get_month() + 1, day: date.get_date() };
    DateTime { day, hour: date.get_hours(), minute: date.get_minutes(), second: date.get_seconds() }
}

/// Random bits, secure where the browser offers that. Elsewhere time and `Math.random` are enough:
/// a publish key has to be unique, not secret.
pub(super) fn random_bits() -> u128 {
    let mut bytes = [0; 16];
    let filled = super::window().crypto().is_ok_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
    if !filled {
        let halves = [Date::now() * js_sys::Math::random(), js_sys::Math::random()].map(f64::to_bits);
        return (u128::from(halves[0]) << 64) | u128::from(halves[1]);
    }
    u128::from_le_bytes(bytes)
}
