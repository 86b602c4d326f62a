//! What others have written does not reach the terminal as orders to it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::stack::Stack;

const CLEARS_THE_SCREEN: &str = "\u{1b}[2J\u{9b}31m\u{202e}";

fn is_clean(text: &str) -> bool {
    !text.chars().any(|of| of == '\u{202e}' || (of.is_control() && !"\n\t".contains(of)))
}

#[test]
fn a_tables_cells_hold_no_orders_to_the_terminal() {
    let stack = Stack::start();
    let id = stack.identity("alice");
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": CLEARS_THE_SCREEN, "sub": format!("a\tb\n{CLEARS_THE_SCREEN}") });
    let token = format!("{}.{}.c2ln", part(&json!({ "alg": "none" })), part(&claims));
    let line = json!({
        "timestamp": "2020-01-02T03:04:05.678Z",
        "OperationName": CLEARS_THE_SCREEN,
        "Identity": id,
        "ResultSignature": "200",
    });
    for format in ["table", "tsv"] {
        for (line, input) in [
            (&["token", "inspect"][..], &token),
            (&["user", "history", "alice", "--log", "-"], &line.to_string()),
        ] {
            let shown = stack.run_with(&[line, &["-o", format]].concat(), input);
            assert!(shown.stdout.contains(r"\u{1b}[2J\u{9b}31m\u{202e}"), "{shown:?}");
            assert!(is_clean(&shown.stdout), "{shown:?}");
        }
    }
    let failed = stack.run(&["identity", "list", "--unused-since", CLEARS_THE_SCREEN]);
    assert!(failed.code == 2 && is_clean(&failed.stderr), "{failed:?}");
    let failed = stack.run(&["events", "explain", CLEARS_THE_SCREEN]);
    assert!(failed.code == 2 && is_clean(&failed.stderr), "{failed:?}");
}
