//! The tool does not accept a secret on the command line, and does not print it.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cli::{CliStack, run};

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let stack = CliStack::start();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
    let string = stack.connection_string();
    let with_equals = format!("--connection-string={string}");
    for line in [
        &["status", "--connection-string", &string][..],
        &["status", &with_equals],
        &["identity", "list", &string],
        &["token", "inspect", token],
        &["token", "exchange-teams", "--aad-token", token, "--app-id", "a", "--user-id", "u"],
        &["doctor", "--bearer", token],
    ] {
        let refused = stack.run(line);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("as an argument is refused"), "{refused:?}");
        for secret in [token, &string] {
            assert!(!refused.stderr.contains(secret), "{refused:?}");
        }
    }
}

#[test]
fn a_secret_is_recognised_inside_quotes_and_other_text() {
    let stack = CliStack::start();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln";
    let (long, short) = (BASE64_STANDARD.encode([7; 64]), BASE64_STANDARD.encode([7; 32]));
    let key = stack.text("/acs/accessKey");
    for (secret, line) in [
        (token, &["token", "inspect", &format!("Bearer {token}")][..]),
        (token, &["token", "inspect", &format!(r#"{{"token":"{token}"}}"#)]),
        (token, &["identity", "show", &format!("token={token}")]),
        (&key, &["status", &key]),
        (&long, &["status", &long]),
        (&short, &["doctor", &format!("--key={short}")]),
    ] {
        let refused = stack.run(line);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("as an argument is refused"), "{refused:?}");
        assert!(!refused.stderr.contains(secret), "{refused:?}");
    }
}

#[test]
fn an_error_about_the_command_line_quotes_no_long_value() {
    let stack = CliStack::start();
    let odd = format!("{}-x", "s3cr3t".repeat(8));
    let flag = format!("--{odd}");
    let format = format!("--output={odd}");
    for line in [&["status", &odd][..], &[&odd], &["status", &flag], &["status", &format]] {
        let refused = stack.run(line);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(!refused.stderr.contains("s3cr3t"), "{refused:?}");
        assert!(refused.stderr.contains('…'), "{refused:?}");
    }
}

#[test]
fn an_argument_that_is_not_text_is_refused() {
    let stack = CliStack::start();
    let mut command = stack.command(&["status"]);
    command.arg(OsStr::from_bytes(b"\xff"));
    let refused = run(&mut command, "");
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn no_error_shows_an_invalid_key() {
    let stack = CliStack::start();
    for string in [
        "c2VjcmV0LWtleQ==",
        "endpoint=https://x;accesskey=c2VjcmV0LWtleQ",
        "endpoint=x;accesskey=c2VjcmV0LWtleQ==",
    ] {
        let mut command = stack.command(&["identity", "list", "--debug"]);
        command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", string);
        let failed = run(&mut command, "");
        assert_eq!(failed.code, 2, "{failed:?}");
        assert!(!failed.stderr.contains("c2VjcmV0"), "{failed:?}");
    }
    let file = stack.dir().join("target/local/stack.json");
    std::fs::write(file, format!("{{\"acs\": {:?}", stack.connection_string())).unwrap();
    let failed = stack.run(&["identity", "list", "--debug"]);
    let key = stack.text("/acs/accessKey");
    assert!(failed.code == 2 && !failed.stderr.contains(&key), "{failed:?}");
}
