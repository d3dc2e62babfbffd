//! Whatever may happen, in any order, for a quarter of an hour; then the sky clears.

use super::*;

/// How long it may take until all is well again.
const CLEAR_MS: u64 = 60_000;

impl World {
    fn weather(&mut self) {
        let faults = [
            Fault::None,
            Fault::Refused,
            Fault::Cut(200),
            Fault::Cut(5_000),
            Fault::Cut(30_000),
            Fault::BlackHole,
            Fault::Deaf,
            Fault::Buffered,
            Fault::HeldByOne,
            Fault::Lossy,
        ];
        match self.rng.u32(0..100) {
            0..30 => self.say("theirs"),
            30..45 => self.publish(),
            45..60 => {
                let which = self.rng.usize(0..4);
                self.faults[which] = *self.rng.choice(&faults).unwrap();
            }
            60..65 => self.posts = *self.rng.choice(&[Fault::None, Fault::Refused, Fault::BlackHole, Fault::Lossy]).unwrap(),
            65..69 => self.faults = [*self.rng.choice(&faults).unwrap(); 4],
            69..74 => self.faults = [Fault::None; 4],
            74..77 => self.end_all(),
            77..80 => self.event(Event::RetryNow),
            80..82 => self.event(Event::Offline),
            82 => self.doze(),
            83 => self.log.first = self.rng.u64(self.log.first..=self.log.latest()),
            _ => {}
        }
        let wait = self.rng.u64(0..4_000);
        self.pass(wait);
    }

    /// The machine sleeps: what has arrived meanwhile waits to be read.
    fn doze(&mut self) {
        self.now += self.rng.u64(0..3_600_000);
    }

    /// The server starts over with an empty log.
    fn restore(&mut self) {
        self.log.epoch += 1;
        self.log.entries.clear();
        self.log.times.clear();
        self.log.first = 0;
        self.end_all();
    }

    fn clear_sky(&mut self) {
        self.faults = [Fault::None; 4];
        self.posts = Fault::None;
        self.event(Event::RetryNow);
        self.until(CLEAR_MS, "the end", |world| {
            world.transport() == Some(Transport::WebSocket) && world.has_seen_all() && world.core.outbox().pending().is_empty()
        });
    }

    fn check_attempts(&self) {
        let most = self.now / 1_000 + 1;
        assert!(self.attempts.len() as u64 <= most, "{} attempts in {} ms", self.attempts.len(), self.now);
    }
}

#[test]
fn every_entry_is_seen_once_over_whatever_works() {
    for seed in 0..150 {
        let mut world = World::reading(seed);
        world.event(Event::Start);
        for _ in 0..400 {
            world.weather();
        }
        world.clear_sky();
        world.check_what_was_published();
        world.check_attempts();
    }
}

#[test]
fn a_log_that_starts_over_is_told_on_every_transport() {
    for seed in 0..60 {
        let mut world = World::reading(seed);
        world.event(Event::Start);
        for round in 0..4 {
            for _ in 0..60 {
                world.weather();
            }
            // Something to be lost, so that the reader can't fail to notice.
            world.clear_sky();
            world.say("the last");
            world.until(CLEAR_MS, "the last", World::has_seen_all);
            let gaps = world.seen.gaps;
            world.restore();
            world.published.clear();
            world.say("the first");
            world.until(CLEAR_MS, "the first", World::has_seen_all);
            assert_eq!(world.seen.gaps, gaps + 1, "round {round}");
        }
    }
}

#[test]
fn the_newest_is_where_a_reader_without_a_position_starts() {
    for seed in 0..60 {
        let mut world = World::new(seed, Options::default());
        world.say("before");
        world.faults = [0; 4].map(|_| *world.rng.choice(&[Fault::None, Fault::Refused, Fault::BlackHole]).unwrap());
        world.event(Event::Start);
        world.pass(1_000);
        for _ in 0..100 {
            world.weather();
        }
        world.clear_sky();
        assert!(world.seen.position.is_some());
        world.check_what_was_published();
    }
}
