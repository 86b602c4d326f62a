//! Measures the release binary of `issue-access-token` beside a bare function, both in the
//! same run and by turns, and holds it to what is promised: exit status 1 if a promise is
//! broken, 2 if there is nothing to say.
//!
//! The table goes to stdout, the figures to `target/bench.json`, and what the functions
//! say to `target/bench.log`. `cargo build --release -p issue-access-token -p bench` makes
//! the three binaries it needs side by side.

mod event;
mod machine;
mod process;
mod report;
mod runtime_api;
mod sample;
mod subject;
mod world;

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use crate::{machine::Machine, report::Report, sample::Summary, subject::Subject, world::World};

/// How many processes of each are started.
const PROCESSES: usize = 40;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match bench().await {
        Ok(report) => {
            let kept = report.promises.iter().all(report::Promise::is_kept);
            writeln!(io::stdout(), "{report}").map(|()| kept).map_err(Into::into)
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // If this cannot be written either, the status remains.
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::from(2)
        }
    }
}

async fn bench() -> Result<Report, Box<dyn Error>> {
    let bench = std::env::current_exe()?;
    let release = bench.parent().ok_or("the bench is in no directory")?;
    let target = release.parent().ok_or("the bench is in no target directory")?;
    let log = File::create(target.join("bench.log"))?;

    let world = World::start().await?;
    let service = Subject::new(release, "issue-access-token", world.environment(), log)?;
    let bare = service.beside("bare-function")?;

    // Not counted: it brings the binaries into memory, and makes the caller's identity.
    service.sample().await?;
    bare.sample().await?;
    let (mut service_samples, mut bare_samples) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        service_samples.push(service.sample().await?);
        bare_samples.push(bare.sample().await?);
    }
    let report = Report::new(
        Machine::this(),
        Summary::of(&service, &service_samples)?,
        Summary::of(&bare, &bare_samples)?,
        world.acs_call().await?,
    );
    write(&target.join("bench.json"), &report)?;
    Ok(report)
}

fn write(path: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    let mut json = serde_json::to_string_pretty(report)?;
    json.push('\n');
    fs::write(path, json)?;
    Ok(())
}
