//! A secret is not taken from the command line, and not repeated when somebody tries.

use crate::stack::Stack;

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let stack = Stack::start();
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
fn no_error_shows_a_key_whatever_is_wrong_with_it() {
    let stack = Stack::start();
    for string in [
        "c2VjcmV0LWtleQ==",
        "endpoint=https://x;accesskey=c2VjcmV0LWtleQ",
        "endpoint=x;accesskey=c2VjcmV0LWtleQ==",
    ] {
        let mut command = stack.command(&["identity", "list", "--debug"]);
        command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", string);
        let failed = crate::stack::ran(&mut command, "");
        assert_eq!(failed.code, 2, "{failed:?}");
        assert!(!failed.stderr.contains("c2VjcmV0"), "{failed:?}");
    }
    let file = stack.dir.path().join("target/local/stack.json");
    std::fs::write(file, format!("{{\"acs\": {:?}", stack.connection_string())).unwrap();
    let failed = stack.run(&["identity", "list", "--debug"]);
    let key = stack.place("/acs/accessKey");
    assert!(failed.code == 2 && !failed.stderr.contains(&key), "{failed:?}");
}
