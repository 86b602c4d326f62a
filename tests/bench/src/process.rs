//! Reads the kernel's data about a process.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// The processor time that all threads of a process have used, in nanoseconds' precision.
///
/// The kernel brings a thread's count up to date when the thread stops running, so this
/// waits until all of them sleep.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    let end = Instant::now() + ASLEEP_WITHIN;
    loop {
        let threads = threads(pid)?;
        if threads.iter().all(|thread| is_asleep(thread)) {
            let mut sum = 0;
            for thread in &threads {
                let path = thread.join("schedstat");
                let text = fs::read_to_string(&path)?;
                let on_cpu = text.split_whitespace().next().and_then(|field| field.parse().ok());
                sum += on_cpu.unwrap_or(0);
            }
            return Ok(Duration::from_nanos(sum));
        }
        if Instant::now() > end {
            return Err(io::Error::other(format!("process {pid} does not come to rest")));
        }
        thread::yield_now();
    }
}

/// A size from `/proc/<pid>/status`, in bytes; e.g. `VmRSS`.
pub(crate) fn memory(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    let kibibytes: u64 = kibibytes
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status does not say {name}")))?;
    Ok(kibibytes * 1024)
}

fn threads(pid: u32) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(format!("/proc/{pid}/task"))?.map(|entry| Ok(entry?.path())).collect()
}

/// The state is the first field after the name, which is in parentheses and may hold any
/// character.
fn is_asleep(thread: &Path) -> bool {
    let Ok(stat) = fs::read_to_string(thread.join("stat")) else { return false };
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('R'))
}

const ASLEEP_WITHIN: Duration = Duration::from_secs(1);
