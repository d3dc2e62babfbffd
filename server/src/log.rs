//! The program's log, on standard error. Callers never wait for a line to be written, and never
//! fail.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Maximum number of lines that wait to be written. More are dropped and counted.
const LINES_MAX: usize = 1024;
/// Maximum time that [`Log::flush`] waits.
const FLUSH_TIME_MAX: Duration = Duration::from_millis(500);
/// Time between two lines about the same problem.
const THROTTLE_INTERVAL: Duration = Duration::from_secs(10);

/// A handle on the log. A thread writes the lines, because a pipe that is not read blocks its
/// writer.
#[derive(Clone)]
pub struct Log {
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
}

enum Job {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Log {
    /// Starts the log with the filter in `CRIER_LOG`, and installs it for the whole program.
    pub fn start() -> Self {
        let (log, jobs) = Self::new();
        let dropped = log.dropped.clone();
        // Without the thread there is no log, but everything else works.
        let _ = thread::Builder::new().name("log".to_owned()).spawn(move || write(&jobs, &dropped, io::stderr()));

        let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).with_env_var("CRIER_LOG");
        let (filter, wrong) = builder.from_env().map_or_else(|error| (EnvFilter::new("info"), Some(error)), |filter| (filter, None));
        // At `info` it lists each file of the bundle at every start.
        let filter = filter.add_directive("memory_serve=warn".parse().expect("the directive is valid"));
        let writer = log.clone();
        // The library reports a failed write with `eprintln!`, which panics if it fails too.
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).log_internal_errors(false);
        // At a terminal the library decides, because it reads NO_COLOR.
        let lines = if io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
        lines.init();
        if let Some(error) = wrong {
            tracing::warn!(%error, "CRIER_LOG is invalid: the level `info` is used");
        }
        // The standard hook writes to standard error, which may block.
        panic::set_hook(Box::new(|panic| {
            let backtrace = Backtrace::capture();
            let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
            tracing::error!(backtrace = backtrace.map(display), "{panic}");
        }));
        log
    }

    fn new() -> (Self, Receiver<Job>) {
        let (jobs, queue) = sync_channel(LINES_MAX);
        (Self { jobs, dropped: Arc::default() }, queue)
    }

    /// Writes a line without a timestamp.
    pub fn say(&self, line: &str) {
        self.put(format!("{line}\n").into_bytes());
    }

    /// Waits until all lines are written, at most half a second.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.jobs.try_send(Job::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIME_MAX);
        }
    }

    fn put(&self, line: Vec<u8>) {
        if self.jobs.try_send(Job::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Each write is a whole line, as `tracing_subscriber` makes them.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(jobs: &Receiver<Job>, dropped: &AtomicU64, mut output: impl Write) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Line(line) => {
                let _ = output.write_all(&line);
            }
            Job::Flush(done) => {
                let _ = done.send(());
            }
        }
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let _ = writeln!(output, "crier: {dropped} lines of the log were dropped");
        }
    }
}

/// Limits the log lines about one problem to one in ten seconds.
#[derive(Default)]
pub struct Throttle(Mutex<Option<(Instant, u64)>>);

impl Throttle {
    /// Creates a throttle that has suppressed nothing.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns the number of lines that were suppressed before this one. `None` if this one is
    /// suppressed.
    pub fn pass(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock();
        match &mut *last {
            Some((then, suppressed)) if now.saturating_duration_since(*then) < THROTTLE_INTERVAL => {
                *suppressed += 1;
                None
            }
            last => Some(last.replace((now, 0)).map_or(0, |(_, suppressed)| suppressed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_and_counts_lines_when_the_queue_is_full() {
        let (log, jobs) = Log::new();
        for n in 0..LINES_MAX + 3 {
            log.say(&n.to_string());
        }
        let dropped = log.dropped.clone();
        drop(log);
        let mut output = Vec::new();
        write(&jobs, &dropped, &mut output);
        let output = String::from_utf8(output).unwrap();
        assert!(output.starts_with("0\ncrier: 3 lines of the log were dropped\n1\n2\n"), "{output:.80}");
        assert_eq!(output.lines().count(), LINES_MAX + 1);
    }

    #[test]
    fn continues_after_the_output_failed() {
        struct Broken(usize);
        impl Write for &mut Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (log, jobs) = Log::new();
        log.say("one");
        log.say("two");
        let mut broken = Broken(0);
        let dropped = log.dropped.clone();
        drop(log);
        write(&jobs, &dropped, &mut broken);
        assert_eq!(broken.0, 2);
    }

    #[test]
    fn flushes_the_lines_before_it() {
        let (log, jobs) = Log::new();
        log.say("one");
        let dropped = log.dropped.clone();
        let mut output = Vec::new();
        thread::scope(|scope| {
            let output = &mut output;
            scope.spawn(move || write(&jobs, &dropped, output));
            log.flush();
            drop(log);
        });
        assert_eq!(output, b"one\n");
    }

    #[test]
    fn passes_one_line_per_interval() {
        let (throttle, start) = (Throttle::new(), Instant::now());
        assert_eq!(throttle.pass(start), Some(0));
        for _ in 0..3 {
            assert_eq!(throttle.pass(start + THROTTLE_INTERVAL / 2), None);
        }
        assert_eq!(throttle.pass(start + THROTTLE_INTERVAL), Some(3));
        assert_eq!(throttle.pass(start + 2 * THROTTLE_INTERVAL), Some(0));
    }
}
