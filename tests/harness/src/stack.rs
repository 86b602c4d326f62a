use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{binary, stack_keys};

/// A `local-stack` process. It ends when this is dropped.
#[derive(Debug)]
pub struct TestStack {
    process: Child,
    /// A message for each line of its stdout. The channel closes when the process has ended.
    lines: Mutex<Receiver<()>>,
    dir: TempDir,
    description: Value,
}

/// The command that starts a stack with free ports, whose gateway does not limit the rate of
/// requests.
#[must_use]
pub fn local_stack() -> Command {
    let mut command = throttled_local_stack();
    command.arg("--no-throttling");
    command
}

/// The same, with the limits of the template.
#[must_use]
pub fn throttled_local_stack() -> Command {
    let mut command = Command::new(binary("local-stack"));
    command.args(["--port", "0"]);
    command
}

impl TestStack {
    /// Starts a stack with `command`, which has all options except the paths of what the stack
    /// writes. The stack is ready when this returns.
    #[must_use]
    pub fn start(dir: TempDir, command: &mut Command) -> Self {
        let file = dir.path().join("target/local/stack.json");
        let data = dir.path().join("target/local/data");
        stack_keys::give(&data).unwrap();
        let mut process = command
            .arg("--data")
            .arg(&data)
            .arg("--stack-file")
            .arg(&file)
            // The pipe stays open: when the test ends, the stack ends.
            .arg("--exit-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("stack.err")).unwrap())
            .spawn()
            .unwrap();
        let mut log = File::create(dir.path().join("stack.out")).unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                writeln!(log, "{line}").unwrap();
                let _ = sender.send(());
            }
        });
        let mut stack = Self { process, lines: Mutex::new(lines), dir, description: Value::Null };
        // The stack reports on stdout that it is ready, after it has written the file.
        while !file.exists() {
            let line = stack.lines.get_mut().unwrap().recv_timeout(LIMIT);
            assert!(line.is_ok(), "the stack did not start: {line:?}\n{}", stack.output());
        }
        stack.description = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        stack_keys::keep(&data);
        stack
    }

    /// The directory of the stack. The stack file is `target/local/stack.json` below it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The directory of the stack's tables, queues and logs.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("target/local/data")
    }

    /// The content of the stack file.
    #[must_use]
    pub fn description(&self) -> &Value {
        &self.description
    }

    /// A text in the stack file, by its JSON pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        let text = self.description.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("the stack file has no {pointer}"))
    }

    /// The output of the stack.
    #[must_use]
    pub fn output(&self) -> String {
        let read = |name| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        read("stack.out") + &read("stack.err")
    }

    /// Whether the process runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Kills the stack with SIGKILL. The stack file remains.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends the stack, which removes the stack file.
    pub fn stop(&mut self) {
        drop(self.process.stdin.take());
        let end = loop {
            match self.lines.get_mut().unwrap().recv_timeout(LIMIT) {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        if end == RecvTimeoutError::Timeout {
            let _ = self.process.kill();
        }
        // A stack that was killed may have written half a key.
        if self.process.wait().is_ok_and(|status| status.success()) {
            stack_keys::keep(&self.data());
        }
    }
}

impl Drop for TestStack {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How long a stack may take to start, and to end.
const LIMIT: Duration = Duration::from_secs(30);
