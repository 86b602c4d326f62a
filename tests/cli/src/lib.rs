//! Tests of the operator's tool with the real binaries, for what needs the functions or the stack
//! as a program. The tool's own tests cover the rest.
#![expect(clippy::missing_panics_doc, reason = "a fixture dies when something is wrong")]
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// The root of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A binary of the workspace: cargo puts them beside the tests.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.is_file(), "build the binaries first: `make binaries`");
    path
}

/// The tool, without the variables of the test's environment.
#[must_use]
pub fn guestpass(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("guestpass"));
    command.args(arguments).current_dir(directory).env_clear();
    command
}

/// A stack with its functions, which ends with its test.
pub struct Stack {
    process: Child,
    /// The variables by which the tool finds the stack.
    pub dir: TempDir,
}

impl Stack {
    /// Starts a stack on free ports.
    #[must_use]
    pub fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let local = dir.path().join("target/local");
        let file = local.join("stack.json");
        let process = Command::new(binary("local-stack"))
            .args(["--port", "0", "--ephemeral", "--exit-with-stdin", "--template"])
            .arg(Path::new(ROOT).join("infra/template.yaml"))
            .arg("--data")
            .arg(local.join("data"))
            .arg("--stack-file")
            .arg(&file)
            // The pipe stays open: when the test ends, the stack ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stack = Self { process, dir };
        until("the stack is there", || {
            assert!(stack.process.try_wait().unwrap().is_none(), "the stack ended");
            file.exists()
        });
        stack
    }

    /// Runs the tool against the stack, requires success, and returns its output.
    #[expect(clippy::must_use_candidate, reason = "what it does can matter more")]
    pub fn run(&self, arguments: &[&str]) -> Value {
        let output = guestpass(self.dir.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.process.kill();
            }
            std::thread::yield_now();
        }
    }
}

/// The output of a program.
#[must_use]
pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Waits until a condition holds.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}
