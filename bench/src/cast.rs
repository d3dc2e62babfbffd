//! A cast: one presenter's frames to many viewers, while the room chats. Then some viewers are
//! slow. Last, a plain loop sends the same bytes to as many sockets: the least that it takes.

mod chat;
mod presenter;
mod stream;
mod viewers;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::process::{Process, Thread};
use crate::report::{CastPhase, Latency};
use crate::target::{Host, Peer, Target, Transport};
use crate::{Cast, Failure, POLL_INTERVAL, Plan, Progress, Run, TIMEOUT};
use chat::Chat;
use presenter::{PlainLoop, Presenter, Sink};
use stream::Stream;
use viewers::{Stats, Viewers};

/// How long a cast runs before it is measured.
const WARM_UP_TIME: Duration = Duration::from_secs(1);
/// How often memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);

/// Casts, and measures each part.
pub(crate) fn cast(plan: &Plan, settings: &Cast, run: &mut Run<'_>) -> Result<(), Failure> {
    let (room, host) = (crate::room()?, Host::new(&plan.server)?);
    let (server, start) = (plan.pid.map(Process::new), Instant::now());
    let slow = (settings.viewers as f64 * settings.slow_share).ceil() as usize;
    let mut presenter = Presenter::open(&host, &room)?;
    let chat = Chat::open(Target::new(&plan.server, Peer::Crier, Transport::WebSocket, &room)?)?;
    let request = presenter::request(&host, &format!("ws/{room}/view"), "");
    let viewers = Viewers::open((host.address, request), (settings.viewers, slow), plan.threads, start)?;
    wait_until_ready(&viewers, settings.viewers, run)?;
    run.tell(Progress::Connected);
    let stop = run.stop.clone();
    let mut player = Player { stream: Stream { bits_per_second: settings.bits_per_second }, start, next: 0, stop: &stop };
    let check = || viewers.check().and(chat.check());
    player.play(&mut presenter, WARM_UP_TIME, |_| check())?;
    let memory_before = server.and_then(Process::memory);
    for (name, slow, is_silent) in [("all read", 0, true), ("and chat", 0, false), ("some are slow", slow, false)] {
        if run.is_stopped() {
            break;
        }
        viewers.set_slow(slow > 0);
        chat.set_silent(is_silent);
        let _ = (viewers.take_stats(), chat.take_latencies());
        let cpu = server.and_then(Process::cpu);
        let (mut looked, mut memory_max) = (Duration::ZERO, None);
        let watch = |elapsed: Duration| {
            if looked + MEMORY_INTERVAL <= elapsed {
                looked = elapsed;
                memory_max = memory_max.max(server.and_then(Process::memory));
                run.tell(Progress::Counting { what: "casting, seconds", done: elapsed.as_secs(), of: settings.time.as_secs() });
            }
            check()
        };
        let time = player.play(&mut presenter, settings.time, watch)?;
        let cpu = server.and_then(|server| server.cpu_since(cpu.as_ref()));
        let growth = memory_max.zip(memory_before).map(|(max, before)| max.cast_signed() - before.cast_signed());
        let phase =
            CastPhase { name: name.to_owned(), viewers: settings.viewers, slow, memory_growth_bytes: growth, ..CastPhase::default() };
        run.report.casts.push(measured(phase, time, cpu, &viewers.take_stats(), Some(&chat.take_latencies())));
    }
    run.tell(Progress::Measured);
    drop((viewers, chat, presenter));
    if !run.is_stopped() {
        let phase = plain(plan, settings, run)?;
        run.report.casts.push(phase);
    }
    Ok(())
}

/// Sends the same frames to as many sockets by a plain loop, on the server's processor.
fn plain(plan: &Plan, settings: &Cast, run: &mut Run<'_>) -> Result<CastPhase, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| Failure::of(&error))?;
    let address = listener.local_addr().map_err(|error| Failure::of(&error))?;
    let start = Instant::now();
    let viewers = Viewers::open((address, b"GET / HTTP/1.1\r\n\r\n".to_vec()), (settings.viewers, 0), plan.threads, start)?;
    let mut sink = PlainLoop::accept(&listener, settings.viewers)?;
    wait_until_ready(&viewers, settings.viewers, run)?;
    let stop = run.stop.clone();
    let mut player = Player { stream: Stream { bits_per_second: settings.bits_per_second }, start, next: 0, stop: &stop };
    let processors = plan.pid.and_then(|pid| Process::new(pid).processors());
    let mut play = || {
        let thread = Thread::own();
        if let (Some(thread), Some(processors)) = (&thread, &processors) {
            thread.move_to(processors);
        }
        player.play(&mut sink, WARM_UP_TIME, |_| viewers.check())?;
        let _ = viewers.take_stats();
        let cpu = || thread.as_ref().and_then(Thread::cpu);
        let before = cpu();
        let time = player.play(&mut sink, settings.time, |_| viewers.check())?;
        let cpu = cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
        let phase = CastPhase { name: "a plain loop".to_owned(), viewers: settings.viewers, ..CastPhase::default() };
        Ok(measured(phase, time, cpu, &viewers.take_stats(), None))
    };
    // A thread of its own, which is moved without the others.
    thread::scope(|scope| scope.spawn(&mut play).join()).unwrap_or_else(|_| Err(Failure::new("the plain loop panicked")))
}

fn wait_until_ready(viewers: &Viewers, count: usize, run: &mut Run<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    while viewers.ready() < count && !run.is_stopped() {
        viewers.check()?;
        if start.elapsed() > TIMEOUT {
            return Err(Failure::new(format!("{} of {count} viewers were let in, and no more", viewers.ready())));
        }
        run.tell(Progress::Counting { what: "connecting", done: viewers.ready() as u64, of: count as u64 });
        thread::park_timeout(POLL_INTERVAL);
    }
    Ok(())
}

/// Sends a cast's frames when they are due.
struct Player<'a> {
    stream: Stream,
    /// Times of frames are counted from here.
    start: Instant,
    /// The number of the next frame.
    next: u64,
    stop: &'a AtomicBool,
}

impl Player<'_> {
    /// Sends frames for a time, and looks around before each. Returns the time it took.
    fn play(
        &mut self,
        sink: &mut impl Sink,
        time: Duration,
        mut look: impl FnMut(Duration) -> Result<(), Failure>,
    ) -> Result<Duration, Failure> {
        let (start, first) = (Instant::now(), self.next);
        while start.elapsed() < time && !self.stop.load(Ordering::Relaxed) {
            look(start.elapsed())?;
            let due = Stream::due(self.next - first);
            while let Some(wait) = due.checked_sub(start.elapsed()).filter(|wait| !wait.is_zero()) {
                thread::park_timeout(wait);
            }
            let sent = self.start.elapsed().as_nanos() as u64;
            sink.send(&self.stream.chunk(self.next, sent))?;
            self.next += 1;
        }
        Ok(start.elapsed())
    }
}

/// Adds what was measured to a phase.
fn measured(phase: CastPhase, time: Duration, cpu: Option<Duration>, stats: &Stats, chat: Option<&Histogram>) -> CastPhase {
    let megabits = stats.bytes as f64 * 8.0 / 1e6;
    CastPhase {
        seconds: time.as_secs_f64(),
        frames: stats.frames,
        megabits,
        cpu_us_per_megabit: cpu.filter(|_| megabits > 0.0).map(|cpu| cpu.as_secs_f64() * 1e6 / megabits),
        latency: Latency::of(&stats.latencies),
        slow_latency: Latency::of(&stats.slow_latencies),
        chat: chat.and_then(Latency::of),
        skips: stats.skips,
        fast_skips: stats.fast_skips,
        ..phase
    }
}
