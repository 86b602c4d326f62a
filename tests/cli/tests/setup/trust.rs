//! A `stack.json` decides where requests go. The tool does not use one that other users could
//! have written, or that leads to another machine.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use cli::{CliStack, ToolOutput, guestpass, run};
use serde_json::Value;

fn stack_file(stack: &CliStack) -> PathBuf {
    stack.dir().canonicalize().unwrap().join("target/local/stack.json")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Asserts that the tool reports which file it does not use, why, and what to do.
fn refuses(ran: &ToolOutput, why: &str, remedy: &str) {
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("is not used\n"), "{ran:?}");
    assert!(ran.stderr.contains(why), "{why:?}: {ran:?}");
    assert!(ran.stderr.contains(remedy), "{remedy:?}: {ran:?}");
    assert!(ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn a_stack_file_that_others_may_write_is_not_used() {
    let stack = CliStack::start();
    let file = stack_file(&stack);
    let folder = file.parent().unwrap();
    let above = folder.parent().unwrap();
    let named = ["identity", "create", "--stack-file", file.to_str().unwrap()];
    for (path, wrong, right, excess) in [
        (file.as_path(), 0o666, 0o600, "go-w"),
        (file.as_path(), 0o660, 0o600, "go-w"),
        (folder, 0o775, 0o755, "go-w"),
        (above, 0o777, 0o755, "o-w"),
    ] {
        set_mode(path, wrong);
        let why = format!("other users may write {} (mode {wrong:04o})", path.display());
        let remedy = format!("chmod {excess} '{}'", path.display());
        for line in [&["identity", "create"][..], &["identity", "create", "--local"], &named] {
            refuses(&stack.run(line), &why, &remedy);
        }
        set_mode(path, right);
    }
    // The tool suggests no chmod for a directory that is shared on purpose.
    set_mode(folder, 0o1777);
    let refused = stack.run(&["identity", "create"]);
    refuses(&refused, "(mode 1777)", "--stack-file in a directory that only you may write");
    assert!(!refused.stderr.contains("chmod"), "{refused:?}");
    set_mode(folder, 0o755);

    assert_eq!(stack.identities(), 0, "nothing was done meanwhile");
    assert_eq!(stack.run(&["identity", "create"]).code, 0, "and now it is used again");
}

#[test]
fn a_stack_file_that_others_could_exchange_is_not_used() {
    let stack = CliStack::start();
    let place = tempfile::tempdir().unwrap();
    let local = place.path().join("target/local");
    fs::create_dir_all(&local).unwrap();
    symlink(stack_file(&stack), local.join("stack.json")).unwrap();
    let status = || run(&mut guestpass(place.path(), &["status"]), "");
    assert_eq!(status().code, 0, "a link of our own is followed");
    set_mode(&local, 0o777);
    refuses(&status(), "other users may write", "chmod go-w");
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_stack_file() {
    let stack = CliStack::start();
    set_mode(&stack_file(&stack), 0o666);
    let told = stack.run(&["doctor", "-o", "table"]);
    assert_eq!(told.code, 7, "{told:?}");
    assert!(told.stdout.contains("other users may write"), "{told:?}");
    assert!(told.stdout.contains("chmod go-w"), "{told:?}");
}

/// Every string with an address, at any depth, so that the test misses none.
fn addresses(value: &Value, pointer: &str) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| addresses(value, &format!("{pointer}/{name}")))
            .collect(),
        Value::String(text) if text.contains("://") => vec![pointer.to_owned()],
        _ => Vec::new(),
    }
}

#[test]
fn every_address_of_a_stack_is_on_this_machine() {
    let stack = CliStack::start();
    let file = stack_file(&stack);
    let told: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let key = stack.text("/acs/accessKey");
    let pointers = addresses(&told, "");
    assert!(pointers.len() >= 10, "{pointers:?}");
    for pointer in pointers {
        for elsewhere in ["https://192.0.2.1:3000", "http://localhost@attacker.example"] {
            let mut other = told.clone();
            let field = other.pointer_mut(&pointer).unwrap();
            let is_string = field.as_str().unwrap().contains("accesskey=");
            if is_string && elsewhere.contains('@') {
                continue;
            }
            *field = if is_string {
                format!("endpoint={elsewhere}/;accesskey={key}").into()
            } else {
                elsewhere.into()
            };
            fs::write(&file, other.to_string()).unwrap();
            let refused = stack.run(&["identity", "create"]);
            let field = pointer.trim_start_matches('/').replace('/', ".");
            refuses(&refused, &format!("its field `{field}` is not the URL"), "make run");
            assert!(!refused.stderr.contains(&key), "{refused:?}");
        }
    }
    // Without a scheme, a client may add a default one.
    let mut other = told.clone();
    other["dynamodb"] = "192.0.2.1:3000".into();
    fs::write(&file, other.to_string()).unwrap();
    refuses(&stack.run(&["identity", "create"]), "its field `dynamodb`", "make run");

    fs::write(&file, told.to_string()).unwrap();
    assert_eq!(stack.run(&["identity", "create"]).code, 0, "the file alone was wrong");
}
