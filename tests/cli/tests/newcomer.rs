//! Somebody who has nothing but the binaries and the template.

use std::path::Path;

use cli::{ROOT, guestpass, told};

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
