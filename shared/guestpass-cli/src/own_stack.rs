//! A local stack of our own, for as long as it is needed: for somebody who has nothing.

use std::{
    fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::PathBuf, process::Stdio, time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    failure::{Exit, Failure, Result},
    surroundings::Surroundings,
};

/// A stack that keeps nothing and ends with us.
pub(crate) struct OwnStack {
    process: Child,
    directory: Directory,
}

impl OwnStack {
    /// Starts one, on ports that are free. It is not ready yet.
    pub(crate) fn start(around: &Surroundings) -> Result<Self> {
        let binary = around.own_directory.join("local-stack");
        if !binary.is_file() {
            let own = around.own_directory.join("guestpass");
            return Err(impossible(format!("there is no local-stack beside {}", own.display())).so(
                "build both with `make run` in the repository, and use target/debug/guestpass; or \
                 set COMMUNICATION_SERVICES_CONNECTION_STRING and GUESTPASS_TABLE",
            ));
        }
        let directory = Directory::new()?;
        let template = directory.0.join("template.yaml");
        std::fs::write(&template, TEMPLATE).map_err(|error| unwritable(&error))?;
        let process = Command::new(&binary)
            .args(["--ephemeral", "--exit-with-stdin", "--port", "0", "--template"])
            .arg(template)
            .arg("--data")
            .arg(directory.0.join("data"))
            .arg("--stack-file")
            .arg(directory.0.join("stack.json"))
            // When we die, it does.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for us: we end it, when what we made in it is gone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| impossible(format!("{}: {error}", binary.display())).so(BUILD))?;
        Ok(Self { process, directory })
    }

    /// Its `stack.json`.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.0.join("stack.json")
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let end = Instant::now() + LONGEST_START;
        while !self.file().is_file() {
            if let Ok(Some(_)) = self.process.try_wait() {
                return Err(impossible(self.last_words().await).so(BUILD));
            }
            if Instant::now() > end {
                let why = format!("not ready after {} s", LONGEST_START.as_secs());
                return Err(impossible(why).so("try again when this machine has less to do"));
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

    /// Ends it, and removes what it kept.
    pub(crate) async fn stop(mut self) {
        drop(self.process.stdin.take());
        if timeout(LONGEST_STOP, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

/// A directory of our own, which is gone when this is.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("guestpass-{}", uuid::Uuid::new_v4()));
        // What others may write, we would not trust ourselves, whatever the umask.
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| unwritable(&error))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn unwritable(error: &std::io::Error) -> Failure {
    impossible(format!("{}: {error}", std::env::temp_dir().display()))
        .so("set TMPDIR to a directory that you may write to")
}

fn impossible(why: String) -> Failure {
    Failure::new(Exit::Failed, "no local stack can be started").because(why)
}

/// What the stack reads, wherever we are.
const TEMPLATE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml"));

/// What helps against a stack that is there, and does not start.
const BUILD: &str = "build all of it with `make run` in the repository";

/// It takes half a second; on a machine that builds meanwhile, more.
const LONGEST_START: Duration = Duration::from_secs(30);

/// It takes a tenth of a second; and whoever pressed Ctrl-C does not wait much longer.
const LONGEST_STOP: Duration = Duration::from_millis(800);
