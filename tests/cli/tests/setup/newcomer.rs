//! A new user who only has the binaries and the template.

use std::process::{Command, Output};

use cli::guestpass;
use harness::{TEMPLATE, TestStack, binary};

#[test]
fn the_quickstart_starts_its_own_stack_and_removes_it() {
    let (directory, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let infra = directory.path().join("infra");
    std::fs::create_dir(&infra).unwrap();
    std::fs::copy(TEMPLATE, infra.join("template.yaml")).unwrap();
    let output = guestpass(directory.path(), &["quickstart", "--output", "table"])
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("starting a temporary local stack"), "{text}");
    assert!(text.contains("Everything that was created is deleted again."), "{text}");
    let left = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 0, "and nothing of the stack is left");
}

/// With a umask of 000, a program that does not set the mode creates directories that every user
/// may write to.
#[test]
fn the_files_of_a_stack_are_trusted_with_any_umask() {
    let (directory, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let quickstart = with_umask_000("guestpass")
        .args(["quickstart", "--output", "none"])
        .current_dir(directory.path())
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    assert!(quickstart.status.success(), "{}", text(&quickstart));

    let mut command = with_umask_000("local-stack");
    command.args(["--port", "0", "--ephemeral", "--template", TEMPLATE]);
    let stack = TestStack::start(directory, &mut command);
    let status = guestpass(stack.dir(), &["status"]).output().unwrap();
    assert!(status.status.success(), "{}", text(&status));
}

fn with_umask_000(program: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(binary(program)).env_clear();
    command
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
