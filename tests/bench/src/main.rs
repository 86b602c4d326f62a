//! Measures the release binaries of `issue-access-token`, `authorize-caller` and a bare function
//! alternately in the same run, and compares the figures with the limits. The exit status is 1 if a figure exceeds its
//! limit, and 2 without a result.
//!
//! The table goes to stdout, the figures to `target/bench.json`, and the output of the functions to
//! `target/bench.log`. `make bench` builds the required binaries in one directory.

mod event;
mod fixture;
mod issuer;
mod machine;
mod peers;
mod process;
mod report;
mod sample;
mod steady;
mod subject;
mod tls_front;

use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    fixture::BenchFixture,
    issuer::BenchIssuer,
    machine::Machine,
    peers::PeerPackages,
    report::{AuthorizerFigures, Report, SteadyFigures},
    sample::Summary,
    subject::Subject,
};

/// The number of processes of each binary.
const PROCESSES: usize = 40;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let outcome = match &arguments[..] {
        [] => bench().await,
        [python, node, packages] => {
            let [python, node, packages] = [python, node, packages].map(Clone::clone);
            compare_with_peers(&PeerPackages { python, node, packages }).await
        }
        _ => Err("usage: bench [PYTHON NODE DIRECTORY_OF_NODE_MODULES]".into()),
    };
    let outcome = outcome.and_then(|(report, is_kept)| {
        writeln!(io::stdout(), "{report}")?;
        Ok(is_kept)
    });
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

/// The directory of the release binaries, and the target directory.
fn directories() -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    let bench = std::env::current_exe()?;
    let release = bench.parent().ok_or("the bench is in no directory")?;
    let target = release.parent().ok_or("the bench is in no target directory")?;
    Ok((release.to_owned(), target.to_owned()))
}

/// The report, and whether all promises are kept.
async fn compare_with_peers(packages: &PeerPackages) -> Result<(String, bool), Box<dyn Error>> {
    let (release, target) = directories()?;
    let log = File::create(target.join("bench.log"))?;
    peers::compare(&release, &log, packages).await
}

/// The report, and whether all promises are kept.
async fn bench() -> Result<(String, bool), Box<dyn Error>> {
    let (release, target) = directories()?;
    let release = release.as_path();
    let log = File::create(target.join("bench.log"))?;

    let fixture = BenchFixture::start().await?;
    let issuer = BenchIssuer::start().await?;
    let authorizer = Subject::with(
        release,
        "authorize-caller",
        issuer.environment(),
        log.try_clone()?,
        &issuer.event("RS256", "rsa"),
        |response| response.get("isAuthorized") == Some(&true.into()),
    )?;
    let plain =
        Subject::new(release, "issue-access-token", fixture.environment(), log.try_clone()?)?;
    let bare = plain.beside("bare-function")?;
    let service = Subject::new(release, "issue-access-token", fixture.environment_over_tls(), log)?;

    // This run is not counted: it loads the binaries into memory, and creates the caller's
    // identity.
    service.sample().await?;
    plain.sample().await?;
    authorizer.sample().await?;
    bare.sample().await?;
    let (mut service_samples, mut bare_samples) = (Vec::new(), Vec::new());
    let mut plain_samples = Vec::new();
    let mut authorizer_samples = Vec::new();
    for _ in 0..PROCESSES {
        service_samples.push(service.sample().await?);
        plain_samples.push(plain.sample().await?);
        authorizer_samples.push(authorizer.sample().await?);
        bare_samples.push(bare.sample().await?);
    }
    let authorizer = AuthorizerFigures {
        function: Summary::of(&authorizer, &authorizer_samples)?,
        key_fetch_ms: issuer.key_fetch().await?,
        rs256_ms: issuer.verification("RS256", "rsa")?,
        es256_ms: issuer.verification("ES256", "p256")?,
    };
    let steady = SteadyFigures {
        overhead: steady::overhead(&service, &fixture).await?,
        memory: steady::memory_growth(&service).await?,
    };
    let report = Report::new(
        Machine::current(),
        Summary::of(&service, &service_samples)?,
        Summary::of(&plain, &plain_samples)?,
        Summary::of(&bare, &bare_samples)?,
        fixture.acs_call().await?,
        authorizer,
        steady,
    );
    write(&target.join("bench.json"), &report)?;
    let is_kept = report.promises.iter().all(report::Promise::is_kept);
    Ok((report.to_string(), is_kept))
}

fn write(path: &Path, report: &Report) -> Result<(), Box<dyn Error>> {
    let mut json = serde_json::to_string_pretty(report)?;
    json.push('\n');
    fs::write(path, json)?;
    Ok(())
}
