//! What every shell snippet must satisfy, also one that cannot run here: its syntax is valid, and the
//! commands of ours in it exist, with their options.

use std::path::Path;
use std::process::Command;

use cli::{guestpass, run};
use harness::ROOT;

use crate::blocks::{Block, blocks};

fn shell() -> Vec<Block> {
    let blocks = blocks().into_iter();
    blocks.filter(|block| ["sh", "console"].contains(&block.language.as_str())).collect()
}

/// The lines of a snippet, with continued lines in one, without prompts and output.
fn lines(block: &Block) -> Vec<String> {
    let text = block.text.replace("\\\n", " ");
    let lines = text.lines().map(str::to_owned);
    match block.language.as_str() {
        "console" => lines.filter_map(|line| line.strip_prefix("$ ").map(str::to_owned)).collect(),
        _ => lines.collect(),
    }
}

#[test]
fn every_shell_snippet_has_a_valid_syntax() {
    for block in shell() {
        let text = lines(&block).join("\n");
        let checked = run(Command::new("bash").args(["-n", "-c", &text]), "");
        assert_eq!(checked.code, 0, "{}:{}: {checked:?}", block.file, block.line);
    }
}

/// The words of a command as a shell splits them, up to the end of the command.
fn words(command: &str) -> Vec<String> {
    let script = "set -f; eval \"set -- $1\"; printf '%s\\n' \"$@\"";
    let split = run(Command::new("bash").args(["-c", script, "-", command]), "");
    split.stdout.lines().map(str::to_owned).collect()
}

/// The commands of `program` in a line, each up to a comment, a pipe, a redirection or its end.
fn commands_of(program: &str, line: &str) -> Vec<String> {
    let name = format!("{program} ");
    let places = line.match_indices(&name).map(|(place, _)| place);
    let is_start = |place: &usize| {
        let before = line[..*place].trim_end();
        before.is_empty()
            || before.ends_with(['|', '&', ';', '('])
            || line[..*place].ends_with("$(")
    };
    let end = |rest: &str| {
        let ends = [" #", " | ", " |", " && ", " > ", " < ", ")\""];
        ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len())
    };
    places.filter(is_start).map(|place| line[place..][..end(&line[place..])].to_owned()).collect()
}

#[test]
fn every_command_of_guestpass_exists_with_its_options() {
    let mut count = 0;
    for block in shell() {
        for command in lines(&block).iter().flat_map(|line| commands_of("guestpass", line)) {
            let words = words(&command);
            let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            // The help comes after the options before it have been read.
            let ran =
                run(&mut guestpass(Path::new("/"), &[&arguments[..], &["--help"]].concat()), "");
            let place = format!("{}:{}", block.file, block.line);
            assert_eq!(ran.code, 0, "{place}: {command}: {ran:?}");
            assert!(ran.stdout.contains("Usage: guestpass"), "{place}: {command}: {ran:?}");
            count += 1;
        }
    }
    assert!(count > 15, "only {count} commands were found");
}

#[test]
fn every_target_of_make_exists() {
    let makefile = std::fs::read_to_string(format!("{ROOT}/Makefile")).unwrap();
    let mut count = 0;
    for block in shell() {
        for command in lines(&block).iter().flat_map(|line| commands_of("make", line)) {
            // A value can continue in the next line, so it is not split as a shell would.
            let mut names = command.split_whitespace().skip(1).filter(|word| !word.contains('='));
            let target = names.next().unwrap();
            let rule = |line: &str| {
                line.split_once(':')
                    .is_some_and(|(names, _)| names.split(' ').any(|name| name == target))
            };
            assert!(makefile.lines().any(rule), "{}:{}: {command}", block.file, block.line);
            count += 1;
        }
    }
    assert!(count > 15, "only {count} targets were found");
}
