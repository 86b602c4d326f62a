//! `make demo` in a terminal of a desktop.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use cli::OnTerminal;
use harness::{local_stack, wait_until};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_demonstration_on_a_desktop_opens_the_console_in_the_browser() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let program = path(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    let opened = path("opened");
    // It requests the page as a browser would, and notes the response and what it was given.
    let script = "#!/bin/sh\n\
         status=$(curl -s -o /dev/null -w '%{http_code} %{content_type}' \"$1\")\n\
         echo \"$status $*\" >\"$0.new\" && mv \"$0.new\" \"${0%/*}/opened\"\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();

    let mut command = local_stack();
    command
        .args(["--template", "../../infra/template.yaml", "--demo", "--ephemeral", "--no-limits"])
        .args(["--exit-with-stdin", "--data"])
        .arg(path("data"))
        .arg("--stack-file")
        .arg(path("stack.json"))
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", dir.path().display()))
        .env("NO_PROXY", "127.0.0.1")
        .env("DISPLAY", ":0");
    let mut demo = OnTerminal::start(command);
    let is_open = wait_until(Duration::from_mins(5), || opened.exists());
    assert!(is_open, "{}", demo.screen());
    let stack: Value = serde_json::from_slice(&fs::read(path("stack.json")).unwrap()).unwrap();
    let console = stack["console"].as_str().unwrap();
    let expected = format!("200 text/html; charset=utf-8 {console}\n");
    assert_eq!(fs::read_to_string(&opened).unwrap(), expected);
    assert!(demo.screen().contains(&format!("Open {console} and {console}/try")));
    demo.interrupt();
    assert_eq!(demo.ends(), 0, "{}", demo.screen());
}
