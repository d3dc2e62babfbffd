//! Random faults in random order for a quarter of an hour, then none.

use super::*;

/// Time limit for recovery after the last fault, in milliseconds.
const RECOVERY_MS: u64 = 60_000;

impl Simulation {
    fn random_step(&mut self) {
        let faults = [
            Fault::None,
            Fault::Refused,
            Fault::Cut(200),
            Fault::Cut(5_000),
            Fault::Cut(30_000),
            Fault::BlackHole,
            Fault::DropsUpstream,
            Fault::Buffered,
            Fault::OneBehind,
            Fault::DropsAnswers,
        ];
        match self.rng.u32(0..100) {
            0..30 => self.store_text("theirs"),
            30..45 => self.publish(),
            45..60 => {
                let which = self.rng.usize(0..4);
                self.faults[which] = *self.rng.choice(&faults).unwrap();
            }
            60..65 => self.posts = *self.rng.choice(&[Fault::None, Fault::Refused, Fault::BlackHole, Fault::DropsAnswers]).unwrap(),
            65..69 => self.faults = [*self.rng.choice(&faults).unwrap(); 4],
            69..74 => self.faults = [Fault::None; 4],
            74..77 => self.end_all(),
            77..80 => self.event(Event::RetryNow),
            80..82 => self.event(Event::Offline),
            82 => self.suspend(),
            83 => self.log.first = self.rng.u64(self.log.first..=self.log.latest()),
            84..88 => self.publish_change(),
            88 => self.log.has_queue = self.rng.bool(),
            89..92 => {
                let is_approved = self.rng.u32(0..4) > 0;
                self.moderate(is_approved);
            }
            _ => {}
        }
        let wait = self.rng.u64(0..4_000);
        self.advance(wait);
    }

    /// Suspends the machine: events that arrive meanwhile are read afterwards.
    fn suspend(&mut self) {
        self.now += self.rng.u64(0..3_600_000);
    }

    /// Gives the server a new, empty log.
    fn restore(&mut self) {
        self.log.replace();
        self.end_all();
    }

    /// Lets a moderator decide about a message that waits.
    fn moderate(&mut self, is_approved: bool) {
        if let Some(entry) = self.log.moderate(is_approved) {
            self.store(entry);
        }
    }

    fn end_faults(&mut self) {
        self.faults = [Fault::None; 4];
        self.posts = Fault::None;
        self.log.has_queue = false;
        while self.log.has_waiting() {
            self.moderate(true);
        }
        self.event(Event::RetryNow);
        self.advance_until(RECOVERY_MS, "the end", |simulation| {
            simulation.transport() == Some(Transport::WebSocket)
                && simulation.has_received_all()
                && simulation.core.outbox().pending().is_empty()
        });
        self.check_the_room();
    }

    fn check_attempts(&self) {
        let most = self.now / 1_000 + 1;
        assert!(self.attempts.len() as u64 <= most, "{} attempts in {} ms", self.attempts.len(), self.now);
    }
}

#[test]
fn receives_each_entry_once_through_random_faults() {
    for seed in 0..150 {
        let mut simulation = Simulation::reading(seed);
        simulation.event(Event::Start);
        for _ in 0..400 {
            simulation.random_step();
        }
        simulation.end_faults();
        simulation.check_what_was_published();
        simulation.check_attempts();
    }
}

#[test]
fn reports_a_restored_log_through_random_faults() {
    for seed in 0..60 {
        let mut simulation = Simulation::reading(seed);
        simulation.event(Event::Start);
        for round in 0..4 {
            for _ in 0..60 {
                simulation.random_step();
            }
            // The reader must have read something, or a new log is no gap.
            simulation.end_faults();
            simulation.store_text("the last");
            simulation.advance_until(RECOVERY_MS, "the last", Simulation::has_received_all);
            let gaps = simulation.received.gaps;
            simulation.restore();
            simulation.published.clear();
            simulation.store_text("the first");
            simulation.advance_until(RECOVERY_MS, "the first", Simulation::has_received_all);
            assert_eq!(simulation.received.gaps, gaps + 1, "round {round}");
        }
    }
}

#[test]
fn starts_at_the_newest_entry_through_random_faults() {
    for seed in 0..60 {
        let mut simulation = Simulation::new(seed, Options::default());
        simulation.store_text("before");
        simulation.faults = [0; 4].map(|_| *simulation.rng.choice(&[Fault::None, Fault::Refused, Fault::BlackHole]).unwrap());
        simulation.event(Event::Start);
        simulation.advance(1_000);
        for _ in 0..100 {
            simulation.random_step();
        }
        simulation.end_faults();
        assert!(simulation.received.position.is_some());
        simulation.check_what_was_published();
    }
}
