//! Measures the release binary of `issue-access-token` and a bare function alternately in the same
//! run, and compares the figures with the limits. The exit status is 1 if a figure exceeds its
//! limit, and 2 without a result.
//!
//! The table goes to stdout, the figures to `target/bench.json`, and the output of the functions to
//! `target/bench.log`. `cargo build --release -p issue-access-token -p bench` builds the three
//! required binaries in one directory.

mod event;
mod fixture;
mod machine;
mod process;
mod report;
mod sample;
mod subject;

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use crate::{
    fixture::BenchFixture, machine::Machine, report::Report, sample::Summary, subject::Subject,
};

/// The number of processes of each binary.
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
            // If this cannot be written either, only the exit status remains.
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

    let fixture = BenchFixture::start().await?;
    let service = Subject::new(release, "issue-access-token", fixture.environment(), log)?;
    let bare = service.beside("bare-function")?;

    // This run is not counted: it loads the binaries into memory, and creates the caller's
    // identity.
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
        fixture.acs_call().await?,
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
