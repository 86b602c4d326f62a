//! Ends the functions of a stack that was killed with SIGKILL.
//!
//! An idle function ends by itself: its `next` fails, and the runtime returns. A busy function does
//! not notice until it is done. So a small shell waits on a pipe that only the stack holds. When
//! the pipe closes, the shell kills the processes that are still on its list; after an orderly
//! shutdown the list is empty. An image of a container may have no shell, and needs none: there, all
//! processes end with the first one, which is the stack.

use std::io::{self, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::lock::lock;

/// `+ pid` adds a process to the list, `- pid` removes it.
const SCRIPT: &str = r#"
pids=" "
while read -r what pid; do
    case $what in
        +) pids="$pids$pid " ;;
        -) pids="${pids%% "$pid" *} ${pids#* "$pid" }" ;;
    esac
done
for pid in $pids; do kill -9 "$pid"; done
"#;

/// The list of the processes that must not outlive the stack.
#[derive(Clone)]
pub(crate) struct ProcessReaper(Arc<Mutex<ReaperShell>>);

struct ReaperShell {
    pipe: Option<ChildStdin>,
    shell: Option<Child>,
}

impl ProcessReaper {
    /// Starts the shell, which waits, if there is one.
    pub(crate) fn new() -> io::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal must not end the shell before the stack.
            .process_group(0)
            .spawn();
        let mut shell = match shell {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            spawned => Some(spawned?),
        };
        let pipe = shell.as_mut().and_then(|shell| shell.stdin.take());
        Ok(Self(Arc::new(Mutex::new(ReaperShell { pipe, shell }))))
    }

    pub(super) fn include(&self, pid: u32) {
        self.write('+', pid);
    }

    pub(super) fn exclude(&self, pid: u32) {
        self.write('-', pid);
    }

    fn write(&self, what: char, pid: u32) {
        if let Some(pipe) = &mut lock(&self.0).pipe {
            // Without the shell, idle functions still end by themselves.
            let _ = writeln!(pipe, "{what} {pid}");
        }
    }
}

impl Drop for ReaperShell {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Some(shell) = &mut self.shell {
            let _ = shell.wait();
        }
    }
}
