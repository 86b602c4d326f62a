//! The tool refuses an unsupported format before it does anything.

use cli::CliStack;
use serde_json::Value;

#[test]
fn a_command_with_an_impossible_output_format_does_nothing() {
    let stack = CliStack::start();
    stack.identity("alice");
    stack.json(&["user", "block", "alice", "--yes"]);
    stack.run(&["cleanup", "plan", "-o", "plan.json"]);
    let told = || {
        let known = stack.json(&["identity", "list"]);
        let letters = stack.json(&["events", "dead-letters"]);
        let asked = stack.emulator("GET requests", &Value::Null);
        (known, stack.json(&["user", "history", "alice"]), letters, asked)
    };
    let before = told();
    let (env, file) = (&["env"][..], &["out.json"][..]);
    let both = &["env", "out.json"][..];
    for (line, formats) in [
        (&["identity", "create", "--external-id", "bob"][..], both),
        (&["identity", "create", "--external-id", "b", "--with-token", "--scope", "voip"], file),
        (&["identity", "show", "alice"], both),
        (&["identity", "list"], both),
        (&["identity", "delete", "alice", "--yes"], both),
        (&["token", "issue", "--user", "alice", "--scope", "voip"], file),
        (&["token", "revoke", "--user", "alice", "--yes"], both),
        (&["token", "exchange-teams", "--app-id", "a", "--user-id", "u"], file),
        (&["token", "inspect"], both),
        (&["user", "block", "alice", "--yes"], both),
        (&["user", "unblock", "alice"], both),
        (&["user", "history", "alice"], both),
        (&["events", "send", "user.deleted", "--user", "alice"], both),
        (&["events", "explain", "-"], both),
        (&["events", "replay", "--apply"], both),
        (&["cleanup", "plan"], env),
        (&["cleanup", "apply", "plan.json", "--yes"], both),
        (&["audit", "--user", "alice"], both),
        (&["status"], both),
        (&["doctor"], both),
        (&["quickstart", "--yes"], both),
    ] {
        for format in formats {
            let refused = stack.run(&[line, &["-o", format]].concat());
            assert_eq!(refused.code, 2, "{line:?} {format}: {refused:?}");
            assert!(refused.stdout.is_empty(), "{line:?} {format}: {refused:?}");
            assert!(refused.stderr.contains("choose table, json"), "{line:?}: {refused:?}");
        }
    }
    assert_eq!(told(), before);
}
