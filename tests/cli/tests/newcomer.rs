//! A new user who only has the binaries and the template.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use cli::{ROOT, binary, guestpass, told, until};

#[test]
fn the_quickstart_alone_goes_from_nothing_to_a_cleaned_up_stack() {
    let (directory, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let infra = directory.path().join("infra");
    std::fs::create_dir(&infra).unwrap();
    let template = Path::new(ROOT).join("infra/template.yaml");
    std::fs::copy(template, infra.join("template.yaml")).unwrap();
    let output = guestpass(directory.path(), &["quickstart", "--output", "table"])
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("starting a stack of my own"), "{told}");
    assert!(told.contains("Everything that was created is deleted again."), "{told}");
    let left = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 0, "and nothing of the stack is left");
}

/// With a umask of 000, a program that does not set the mode creates directories that every user
/// may write to.
#[test]
fn what_a_stack_writes_is_trusted_whatever_the_umask() {
    let (directory, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let quickstart = with_umask_000("guestpass")
        .args(["quickstart", "--output", "none"])
        .current_dir(directory.path())
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    assert!(quickstart.status.success(), "{}", told(&quickstart));

    let file = directory.path().join("new/folder/stack.json");
    let mut stack = with_umask_000("local-stack")
        .args(["--port", "0", "--ephemeral", "--exit-with-stdin", "--template"])
        .arg(Path::new(ROOT).join("infra/template.yaml"))
        .arg("--data")
        .arg(directory.path().join("data"))
        .arg("--stack-file")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the stack is there", || {
        assert!(stack.try_wait().unwrap().is_none(), "the stack ended");
        file.exists()
    });
    let line = ["status", "--stack-file", file.to_str().unwrap()];
    let status = guestpass(directory.path(), &line).output().unwrap();
    drop(stack.stdin.take());
    stack.wait().unwrap();
    assert!(status.status.success(), "{}", told(&status));
}

fn with_umask_000(program: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(binary(program)).env_clear();
    command
}
