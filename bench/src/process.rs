//! CPU time and memory of a process on this machine, from `/proc`. Only Linux has it; elsewhere
//! everything is `None`.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
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

    /// Returns the list of processors that it may use, such as `0` or `1-3`.
    pub(crate) fn processors(self) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        Some(line.trim().to_owned())
    }

    /// Returns the resident memory, in bytes.
    pub(crate) fn memory(self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }
}

/// A thread of this process, by its id.
#[derive(Clone, Debug)]
pub(crate) struct Thread(String);

impl Thread {
    /// Returns the calling thread.
    pub(crate) fn own() -> Option<Self> {
        let path = fs::read_link("/proc/thread-self").ok()?;
        Some(Self(path.file_name()?.to_str()?.to_owned()))
    }

    /// Returns user and system time so far.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let figures = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0)).ok()?;
        Some(Duration::from_nanos(figures.split(' ').next()?.parse().ok()?))
    }

    /// Moves it to these processors, if `taskset` is there.
    pub(crate) fn move_to(&self, processors: &str) {
        let mut command = Command::new("taskset");
        command.args(["-p", "-c", processors, &self.0]).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = command.status();
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
        assert!(process.processors().unwrap().starts_with(|digit: char| digit.is_ascii_digit()));
        assert!(Thread::own().unwrap().cpu().unwrap() > Duration::ZERO);
    }

    #[test]
    fn measures_nothing_of_a_process_that_does_not_exist() {
        let process = Process::new(u32::MAX);
        assert!(process.cpu().is_none() && process.memory().is_none());
    }
}
