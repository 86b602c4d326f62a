use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};

use harness::wait_until;
use rustix::process::{Pid, Signal, kill_process};

/// The tool while it runs.
#[derive(Debug)]
pub struct RunningTool {
    process: Child,
    stderr: BufReader<ChildStderr>,
    text: String,
}

impl RunningTool {
    /// Starts the tool.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        Self { process, stderr, text: String::new() }
    }

    /// Waits for a condition while the tool runs.
    pub fn wait_until(&mut self, condition: impl Fn() -> bool) {
        let holds = wait_until(Duration::from_mins(1), || {
            let holds = condition();
            assert!(holds || self.process.try_wait().unwrap().is_none(), "the tool has ended");
            holds
        });
        assert!(holds, "timed out");
    }

    /// Reads the output up to a line with this text.
    pub fn read_until(&mut self, text: &str) {
        while !self.text.contains(text) {
            assert!(self.stderr.read_line(&mut self.text).unwrap() > 0, "{}", self.text);
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        interrupt(&self.process);
    }

    /// Waits until the tool ends. Returns the exit code and all output.
    pub fn wait(mut self) -> (i32, String) {
        self.stderr.read_to_string(&mut self.text).unwrap();
        (self.process.wait().unwrap().code().unwrap_or(-1), self.text)
    }
}

/// Sends the signal of Ctrl-C.
pub fn interrupt(process: &Child) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}
