//! Compares the first answer of `issue-access-token` with that of Lambda functions that use
//! Microsoft's SDKs for Python and JavaScript. All of them create an identity with a token at the
//! same emulator over TLS; ours also reads two secrets and writes a record.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use harness::{RuntimeEvent, TestFunction};
use serde_json::Value;
use tempfile::TempDir;

use crate::{event, fixture::BenchFixture, machine::Machine, process, sample::median_ms};

/// The number of processes of each function.
const PROCESSES: usize = 20;

/// How many times as fast as each peer our first answer has to be.
const PROMISED: f64 = 20.0;

/// Where the peers find what they need.
pub(crate) struct PeerPackages {
    /// A Python interpreter that has the SDK.
    pub(crate) python: PathBuf,
    pub(crate) node: PathBuf,
    /// The directory that contains `node_modules`.
    pub(crate) packages: PathBuf,
}

/// Measures, and returns the report, and whether the promise is kept.
pub(crate) async fn compare(
    release: &Path,
    log: &File,
    packages: &PeerPackages,
) -> Result<(String, bool), Box<dyn Error>> {
    let fixture = BenchFixture::start().await?;
    let scripts = tempfile::tempdir()?;
    let environment = fixture.environment_of_peers(&packages.packages);
    let python = script(&scripts, "peer.py", &packages.python, include_str!("../peers/peer.py"))?;
    let node = script(&scripts, "peer.mjs", &packages.node, include_str!("../peers/peer.mjs"))?;
    let functions = [
        ("issue-access-token", release.join("issue-access-token"), fixture.environment_over_tls()),
        ("Python SDK", python, environment.clone()),
        ("JavaScript SDK", node, environment),
    ];

    let mut answers = [const { Vec::new() }; 3];
    // The first round is not counted: it loads the files into memory.
    for round in 0..=PROCESSES {
        for (answers, (name, binary, environment)) in answers.iter_mut().zip(&functions) {
            let answer = first_answer(binary, environment, log, round).await;
            let answer = answer.map_err(|why| format!("{name}: {why}; see target/bench.log"))?;
            answers.extend((round > 0).then_some(answer));
        }
    }
    report(&functions.map(|(name, ..)| name), &answers)
}

fn report(names: &[&str], answers: &[Vec<FirstAnswer>]) -> Result<(String, bool), Box<dyn Error>> {
    let Machine { date, cpu, cores, .. } = Machine::current();
    let mut text = format!(
        "{date}; {cpu}, {cores} cores\n\
         Medians of {PROCESSES} processes each, alternately: from the start of the process to its\n\
         first answer. All create an identity with a token at the ACS emulator, over TLS.\n\n"
    );
    let mut is_kept = true;
    let mut ours = None;
    writeln!(text, "{:24}{:>14}{:>14}{:>10}", "", "wall", "CPU", "slower")?;
    for (name, answers) in names.iter().zip(answers) {
        let wall = median_ms(answers.iter().map(|answer| answer.wall));
        let cpu = median_ms(answers.iter().map(|answer| answer.cpu));
        let ours = *ours.get_or_insert(wall);
        let slower = wall / ours;
        writeln!(text, "{name:24}{wall:>11.1} ms{cpu:>11.1} ms{slower:>9.1}×")?;
        is_kept &= *name == "issue-access-token" || slower >= PROMISED;
    }
    let verdict = if is_kept { "kept" } else { "BROKEN" };
    write!(text, "\nPromised: each SDK is at least {PROMISED} times slower: {verdict}")?;
    Ok((text, is_kept))
}

/// The cost of the first answer of a process.
struct FirstAnswer {
    /// From the start of the process.
    wall: Duration,
    cpu: Duration,
}

async fn first_answer(
    binary: &Path,
    environment: &BTreeMap<String, String>,
    log: &File,
    round: usize,
) -> Result<FirstAnswer, Box<dyn Error>> {
    let mut process = TestFunction::start(binary, environment, log).await?;
    let pid = process.pid().ok_or("it ended at once")?;
    // Each process creates an identity: for ours, each has a new user.
    let payload = event::post_token_of(&format!("user-{round}")).to_string().into();
    let (_, next) = process.ready().await?;
    next.send(RuntimeEvent { payload, timeout: Duration::from_secs(30) })
        .map_err(|_| "it does not wait for its event")?;
    let (at, answer) = process.response().await?;
    let cpu = process::cpu(pid)?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer.get("statusCode") != Some(&200.into()) {
        return Err(format!("it responds {answer}").into());
    }
    let wall = at - process.started;
    process.kill().await?;
    Ok(FirstAnswer { wall, cpu })
}

/// Writes an executable script for this interpreter.
fn script(
    directory: &TempDir,
    name: &str,
    interpreter: &Path,
    source: &str,
) -> io::Result<PathBuf> {
    let path = directory.path().join(name);
    fs::write(&path, format!("#!{}\n{source}", interpreter.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promise_is_kept_if_each_sdk_takes_twenty_times_as_long() {
        let answers = |wall| vec![FirstAnswer { wall, cpu: Duration::from_millis(1) }];
        let is_kept = |python, node| {
            let walls = [1_000, python, node].map(Duration::from_micros).map(answers);
            report(&["issue-access-token", "Python SDK", "JavaScript SDK"], &walls).unwrap().1
        };
        assert!(is_kept(20_000, 20_000));
        assert!(!is_kept(19_900, 90_000));
        assert!(!is_kept(90_000, 19_900));
    }
}
