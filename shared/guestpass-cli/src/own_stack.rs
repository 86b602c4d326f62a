//! A local stack of our own, for as long as it is needed: for somebody who has nothing.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
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
    directory: PathBuf,
}

impl OwnStack {
    /// Starts one, on ports that are free, and waits until it is ready.
    pub(crate) async fn start(around: &Surroundings) -> Result<Self> {
        let binary = around.own_directory.join("local-stack");
        if !binary.is_file() {
            return Err(impossible(format!("there is no local-stack beside {}", own_name(around))));
        }
        let template =
            template(&around.directory).or_else(|| template(&around.own_directory)).ok_or_else(
                || impossible("there is no infra/template.yaml here or above".to_owned()),
            )?;
        let directory = std::env::temp_dir().join(format!("guestpass-{}", uuid::Uuid::new_v4()));
        let process = Command::new(&binary)
            .args(["--ephemeral", "--exit-with-stdin", "--port", "0", "--template"])
            .arg(template)
            .arg("--data")
            .arg(directory.join("data"))
            .arg("--stack-file")
            .arg(directory.join("stack.json"))
            // When we die, it does.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for us: we end it, when what we made in it is gone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| impossible(format!("{}: {error}", binary.display())))?;
        let mut stack = Self { process, directory };
        stack.ready().await?;
        Ok(stack)
    }

    /// Its `stack.json`.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("stack.json")
    }

    async fn ready(&mut self) -> Result<()> {
        let end = Instant::now() + LONGEST_START;
        while !self.file().is_file() {
            if let Ok(Some(_)) = self.process.try_wait() {
                return Err(impossible(self.last_words().await));
            }
            if Instant::now() > end {
                return Err(impossible(format!("not ready after {} s", LONGEST_START.as_secs())));
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
        if timeout(Duration::from_secs(5), self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn template(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|above| above.join("infra/template.yaml")).find(|it| it.is_file())
}

fn own_name(around: &Surroundings) -> String {
    around.own_directory.join("guestpass").display().to_string()
}

fn impossible(why: String) -> Failure {
    Failure::new(Exit::Failed, "no local stack can be started")
        .because(why)
        .so("build one with `make run` in the repository, or set COMMUNICATION_SERVICES_CONNECTION_STRING and GUESTPASS_TABLE")
}

/// It takes half a second; on a machine that builds meanwhile, more.
const LONGEST_START: Duration = Duration::from_secs(30);
