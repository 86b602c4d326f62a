//! Untrusted text cannot control the terminal, mislead its reader, or run in a spreadsheet.

use std::{fs, os::unix::fs::symlink, path::Path};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cli::{CliStack, ToolOutput};
use harness::ROOT;
use serde_json::{Value, json};

/// Clears the screen, sets a colour with a C1 control, changes the direction, and hides text.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{e0041}";

/// The same text in the output for people.
const SHOWN: &str = r"\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{e0041}";

fn is_clean(text: &str) -> bool {
    let mut hostile = HOSTILE.chars().filter(|of| !of.is_ascii());
    !hostile.any(|of| text.contains(of))
        && !text.chars().any(|of| of.is_control() && !"\n\t".contains(of))
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({ "alg": "none" })), part(claims))
}

/// The output for a token and for a log line, in this format.
fn told_by_others(stack: &CliStack, id: &str, format: &str) -> [ToolOutput; 2] {
    let claims = json!({ "iss": HOSTILE, "sub": format!("a\tb\n{HOSTILE}"), HOSTILE: HOSTILE });
    let line = json!({
        "timestamp": "2020-01-02T03:04:05.678Z",
        "OperationName": HOSTILE,
        "Identity": id,
        "ResultSignature": "200",
    });
    [
        stack.run_with(&["token", "inspect", "-o", format], &token(&claims)),
        stack
            .run_with(&["user", "history", "alice", "--log", "-", "-o", format], &line.to_string()),
    ]
}

#[test]
fn text_output_shows_control_characters_as_escapes() {
    let stack = CliStack::start();
    let id = stack.identity("alice");
    for format in ["table", "tsv"] {
        for shown in told_by_others(&stack, &id, format) {
            assert!(shown.stdout.contains(SHOWN), "{shown:?}");
            assert!(is_clean(&shown.stdout), "{shown:?}");
        }
    }
}

#[test]
fn json_and_yaml_keep_control_characters_as_escapes() {
    let stack = CliStack::start();
    let id = stack.identity("alice");
    let of_json = told_by_others(&stack, &id, "json");
    let of_yaml = told_by_others(&stack, &id, "yaml");
    for shown in of_json.iter().chain(&of_yaml) {
        assert!(shown.code == 0 && is_clean(&shown.stdout), "{shown:?}");
    }
    let json = |ran: &ToolOutput| serde_json::from_str::<Value>(&ran.stdout).unwrap();
    let yaml = |ran: &ToolOutput| serde_norway::from_str::<Value>(&ran.stdout).unwrap();
    for told in [json(&of_json[0]), yaml(&of_yaml[0])] {
        assert_eq!(told["claims"][HOSTILE], HOSTILE);
        assert_eq!(told["identity"], format!("a\tb\n{HOSTILE}"));
    }
    for told in [json(&of_json[1]), yaml(&of_yaml[1])] {
        let has = |entry: &Value| entry["what"] == format!("{HOSTILE} 200");
        assert!(told["timeline"].as_array().unwrap().iter().any(has), "{told}");
    }
}

#[test]
fn errors_show_control_characters_in_quotations_as_escapes() {
    let stack = CliStack::start();
    let option = format!("--{HOSTILE}");
    let value = format!("--output={HOSTILE}");
    for line in [
        &["identity", "list", "--unused-since", HOSTILE][..],
        &["identity", "list", "--unused-for", HOSTILE],
        &["identity", "show", HOSTILE],
        &["events", "explain", HOSTILE],
        &["status", "--stack-file", HOSTILE],
        // Also covers messages of the command line parser.
        &["status", HOSTILE],
        &["status", &option],
        &["status", &value],
        &[HOSTILE],
    ] {
        let failed = stack.run(line);
        assert_eq!(failed.code, 2, "{failed:?}");
        assert!(is_clean(&failed.stderr), "{failed:?}");
        assert!(failed.stderr.contains(r"\u{202e}\u{2066}"), "{failed:?}");
    }
}

#[test]
fn the_doctor_and_notes_show_control_characters_as_escapes() {
    let stack = CliStack::start();
    let bearer = token(&json!({ "iss": HOSTILE, "aud": HOSTILE, "scope": HOSTILE }));
    let link = format!("{HOSTILE}.link");
    symlink("target/local/stack.json", stack.dir().join(&link)).unwrap();
    let arguments = ["doctor", "-o", "table", "--stack-file", &link, "--bearer-file", "-"];
    let told = stack.run_with(&arguments, &bearer);
    assert!(is_clean(&told.stdout), "{told:?}");
    assert!(told.stdout.contains(&format!("the local stack of {SHOWN}.link")), "{told:?}");
    assert!(told.stdout.contains(&format!("its issuer is \"{SHOWN}\"")), "{told:?}");

    let plan = stack.run(&["cleanup", "plan", "-o", &format!("{HOSTILE}.json")]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(is_clean(&plan.stderr), "{plan:?}");
    assert!(plan.stderr.contains(&format!("written to {SHOWN}.json")), "{plan:?}");
}

#[test]
fn no_tsv_cell_is_a_formula() {
    let stack = CliStack::start();
    for formula in ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\"=1\""] {
        let claims = json!({ "iss": formula, "sub": formula, "aud": formula });
        let told = stack.run_with(&["token", "inspect", "-o", "tsv"], &token(&claims));
        let shown = formula.replace(['\t', '\r'], " ");
        let cells: Vec<&str> = told.stdout.trim_end_matches('\n').split('\t').collect();
        for column in [4, 7, 8] {
            assert_eq!(cells[column], format!("'{shown}"), "{told:?}");
        }
    }
}

/// Any other module that wrote output would have to escape it.
#[test]
fn only_the_output_module_writes_to_stdout_and_stderr() {
    let source = Path::new(ROOT).join("shared/guestpass-cli/src");
    let mut writers = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let is_writer = ["stdout()", "stderr()", "print!(", "println!("]
                .iter()
                .any(|way| text.contains(way));
            let name = path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
            if is_writer && !name.starts_with("report/output/") {
                writers.push(name);
            }
        }
    }
    writers.sort();
    // These write a script, write a failure that is already escaped, and test for a terminal.
    assert_eq!(writers, ["commands/completion.rs", "main.rs", "service/environment.rs"]);
}
