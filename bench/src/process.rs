//! CPU time and memory of a process on this machine, from `/proc`. Only Linux has it; elsewhere
//! everything is `None`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

/// CPU time of each thread, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct CpuTimes(BTreeMap<String, u64>);

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// Returns the calling process.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// Returns user and system time so far. `schedstat`, because `stat` has a resolution of 10 ms.
    pub(crate) fn cpu(self) -> Option<CpuTimes> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let of = |thread: fs::DirEntry| {
            let figures = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, figures.split(' ').next()?.parse().ok()?))
        };
        Some(CpuTimes(threads.flatten().filter_map(of).collect()))
    }

    /// Returns the CPU time since `before` of the threads that still exist.
    pub(crate) fn cpu_since(self, before: Option<&CpuTimes>) -> Option<Duration> {
        let (CpuTimes(before), CpuTimes(now)) = (before?, self.cpu()?);
        let used = now.iter().map(|(thread, used)| used.saturating_sub(before.get(thread).copied().unwrap_or(0)));
        Some(Duration::from_nanos(used.sum()))
    }

    /// Returns the resident memory, in bytes.
    pub(crate) fn memory(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn measures_this_process() {
        let process = Process::own();
        let before = process.cpu().unwrap();
        let expected = Duration::from_millis(20);
        while process.cpu_since(Some(&before)).unwrap() < expected {}
        assert!(process.memory().unwrap() > 100 * 1024);
    }

    #[test]
    fn measures_nothing_of_a_process_that_does_not_exist() {
        let process = Process::new(u32::MAX);
        assert!(process.cpu().is_none() && process.memory().is_none());
    }
}
