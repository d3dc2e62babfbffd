//! What a process on this machine has used so far, as Linux tells it under `/proc`. Elsewhere nothing is known.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(u32);

/// Processor time by thread, in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Cpu(BTreeMap<String, u64>);

impl Process {
    pub(super) fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This one.
    pub(super) fn own() -> Self {
        Self(std::process::id())
    }

    /// User and system time so far. The scheduler's own figures, because those of `/proc/PID/stat` move in steps of 10 ms.
    pub(super) fn cpu(self) -> Option<Cpu> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let of = |thread: fs::DirEntry| {
            let figures = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, figures.split(' ').next()?.parse().ok()?))
        };
        Some(Cpu(threads.flatten().filter_map(of).collect()))
    }

    /// What was used since then, by the threads that are still there.
    pub(super) fn cpu_since(self, before: Option<&Cpu>) -> Option<Duration> {
        let (Cpu(before), Cpu(now)) = (before?, self.cpu()?);
        let used = now.iter().map(|(thread, used)| used.saturating_sub(before.get(thread).copied().unwrap_or(0)));
        Some(Duration::from_nanos(used.sum()))
    }

    /// Resident memory, in bytes.
    pub(super) fn memory(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let process = Process::own();
        let before = process.cpu().unwrap();
        let wanted = Duration::from_millis(20);
        while process.cpu_since(Some(&before)).unwrap() < wanted {}
        assert!(process.memory().unwrap() > 100 * 1024);
    }

    #[test]
    fn of_a_process_that_is_not_there_nothing_is_known() {
        let process = Process::new(u32::MAX);
        assert!(process.cpu().is_none() && process.memory().is_none());
    }
}
