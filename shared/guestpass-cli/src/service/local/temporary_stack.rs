//! A temporary local stack, for users without a service.

use std::fs::DirBuilder;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::report::{CliError, Exit, Result};
use crate::service::CliEnvironment;

/// A stack that keeps no data and ends with this process.
pub(crate) struct TemporaryStack {
    process: Child,
    directory: TemporaryDirectory,
}

impl TemporaryStack {
    /// Starts a stack on free ports. It is not ready yet.
    pub(crate) fn start(environment: &CliEnvironment) -> Result<Self> {
        if !cfg!(unix) {
            return Err(impossible("it runs on Linux and macOS only".to_owned()).hint(
                "use the tool for Linux in the Windows Subsystem for Linux, or set \
                 COMMUNICATION_SERVICES_CONNECTION_STRING and GUESTPASS_TABLE",
            ));
        }
        let binary = environment.own_directory.join("local-stack");
        if !binary.is_file() {
            let own = environment.own_directory.join("guestpass");
            return Err(impossible(format!("no local-stack binary next to {}", own.display())).hint(
                "build both with `make run` in the repository, and use target/debug/guestpass; or \
                 set COMMUNICATION_SERVICES_CONNECTION_STRING and GUESTPASS_TABLE",
            ));
        }
        let directory = TemporaryDirectory::new()?;
        let template = directory.0.join("template.yaml");
        std::fs::write(&template, TEMPLATE).map_err(|error| unwritable(&error))?;
        let mut stack = Command::new(&binary);
        // Ctrl-C must reach only this process. It stops the stack after it has cleaned up.
        #[cfg(unix)]
        stack.process_group(0);
        let process = stack
            .args(["--ephemeral", "--exit-with-stdin", "--port", "0", "--template"])
            .arg(template)
            .arg("--data")
            .arg(directory.0.join("data"))
            .arg("--stack-file")
            .arg(directory.0.join("stack.json"))
            // The stack ends when its stdin closes, which happens when this process dies.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| impossible(format!("{}: {error}", binary.display())).hint(BUILD))?;
        Ok(Self { process, directory })
    }

    /// Its `stack.json`.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.0.join("stack.json")
    }

    /// Waits until the stack is ready.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let end = Instant::now() + LONGEST_START;
        while !self.file().is_file() {
            if let Ok(Some(_)) = self.process.try_wait() {
                return Err(impossible(self.last_words().await).hint(BUILD));
            }
            if Instant::now() > end {
                let why = format!("not ready after {} s", LONGEST_START.as_secs());
                return Err(impossible(why).hint("try again when this machine has less to do"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn last_words(&mut self) -> String {
        let mut text = Vec::new();
        if let Some(stderr) = self.process.stderr.as_mut() {
            let _ = tokio::io::AsyncReadExt::read_to_end(stderr, &mut text).await;
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    /// Stops the stack, and removes its data.
    pub(crate) async fn stop(mut self) {
        drop(self.process.stdin.take());
        if timeout(LONGEST_STOP, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

/// A temporary directory, removed on drop.
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("guestpass-{}", uuid::Uuid::new_v4()));
        #[cfg_attr(not(unix), expect(unused_mut, reason = "a directory has a mode on Unix only"))]
        let mut builder = DirBuilder::new();
        // The tool does not trust a directory that other users may write, so the mode does not
        // depend on the umask.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| unwritable(&error))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn unwritable(error: &std::io::Error) -> CliError {
    impossible(format!("{}: {error}", std::env::temp_dir().display()))
        .hint("set TMPDIR to a directory that you may write to")
}

fn impossible(why: String) -> CliError {
    CliError::new(Exit::Failed, "no local stack can be started").because(why)
}

/// The template of the stack, in the binary, so that the tool works in every directory.
const TEMPLATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml"));

/// The remedy for a stack that exists, and does not start.
const BUILD: &str = "build all of it with `make run` in the repository";

/// A start takes half a second, and longer on a machine that also compiles.
const LONGEST_START: Duration = Duration::from_secs(30);

/// A stop takes a tenth of a second, and a user who pressed Ctrl-C should not wait much longer.
const LONGEST_STOP: Duration = Duration::from_millis(800);
