//! Compares output with reviewed output.

use std::{fmt::Write as _, path::PathBuf};

use crate::CliStack;

/// The output of several commands, one after the other, like a session at a prompt.
pub struct Session<'a> {
    stack: &'a CliStack,
    text: String,
}

impl<'a> Session<'a> {
    /// A session at the stack's directory.
    #[must_use]
    pub fn new(stack: &'a CliStack) -> Self {
        Self { stack, text: String::new() }
    }

    /// Runs one command with this stdin, and records its output.
    pub fn run_with(&mut self, line: &str, input: &str) {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = self.stack.run_with(&arguments, input);
        write!(self.text, "$ guestpass {line}\n{}{}", ran.stdout, ran.stderr).unwrap();
        if ran.code != 0 {
            writeln!(self.text, "[exit code {}]", ran.code).unwrap();
        }
        self.text.push('\n');
    }

    /// Runs one command.
    pub fn run(&mut self, line: &str) {
        self.run_with(line, "");
    }

    /// Runs one command in each format.
    pub fn run_in_each_format(&mut self, line: &str) {
        for format in ["table", "json", "tsv", "yaml", "none"] {
            self.run(&format!("{line} -o {format}"));
        }
    }

    /// Compares the session with the file. `UPDATE_SNAPSHOTS=1` writes the file instead: review
    /// the difference before you commit it.
    pub fn matches(self, name: &str) {
        check(name, &self.take());
    }

    /// The session, with placeholders for values that differ between runs.
    pub fn take(self) -> String {
        let own = self.stack.dir().canonicalize().unwrap();
        stable(&self.text.replace(own.to_str().unwrap(), "<dir>"))
    }
}

/// Compares a text with the file `name`.
pub fn check(name: &str, text: &str) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let file = dir.join(format!("{name}.txt"));
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    if std::env::var("UPDATE_SNAPSHOTS").is_ok() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(text == expected, "{} is different:\n{text}", file.display());
}

/// The text, with placeholders for values that differ between runs.
pub fn stable(text: &str) -> String {
    let mut stable = String::new();
    let mut word = String::new();
    for character in text.chars() {
        if " \n\t\\\"',;()".contains(character) {
            stable.push_str(&named(&word));
            stable.push(character);
            word.clear();
        } else {
            word.push(character);
        }
    }
    stable.push_str(&named(&word));
    // The measured difference of two clocks depends on the response time.
    let stable = ["-2", "-1", "+1", "+2"]
        .iter()
        .fold(stable, |text, off| text.replace(&format!("{off} s against"), "+0 s against"));
    // The rest of an hour depends on when ACS rounds, and on the machine.
    (40..60).fold(stable, |text, second| text.replace(&format!("59 min {second} s"), "1 h"))
}

fn named(word: &str) -> String {
    let is_time = matches!(word.len(), 20 | 24) && word.ends_with('Z') && word.starts_with("20");
    let decimals = word.split_once('.').is_some_and(|(whole, part)| {
        [whole, part].iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
    });
    let is_milliseconds = word.len() == 13 && word.bytes().all(|byte| byte.is_ascii_digit());
    if word.starts_with("8:acs:") && word.contains('_') {
        "<acs id>".to_owned()
    } else if word.starts_with("eyJ") {
        "<token>".to_owned()
    } else if decimals {
        "<n>".to_owned()
    } else if word.parse().is_ok_and(|seconds: u32| (3580..3600).contains(&seconds)) {
        "3600".to_owned()
    } else if is_time {
        "<time>".to_owned()
    } else if is_milliseconds {
        "<milliseconds>".to_owned()
    } else if let Some(place) = uuid(word) {
        let (before, after) = (&word[..place], &word[place + 36..]);
        format!("{before}<uuid>{}", named(after))
    } else if let Some((before, after)) = word.split_once("127.0.0.1:") {
        let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        format!("{before}127.0.0.1:<port>{after}")
    } else {
        word.to_owned()
    }
}

/// Where a UUID begins in a word.
fn uuid(word: &str) -> Option<usize> {
    let is_uuid = |text: &str| {
        text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    (0..word.len()).find(|place| word.get(*place..place + 36).is_some_and(is_uuid))
}
