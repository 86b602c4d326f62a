//! The table "From the Azure CLI" of the tool's README: each command of it, run without a table.

use cli::{LoneEmulator, run};
use serde_json::{Value, json};

const README: &str = include_str!("../../../../shared/guestpass-cli/README.md");

/// The rows of the table: the command of `az`, and all of ours in its row.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, section) = README.split_once("## From the Azure CLI").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    let quoted = |text: &'static str| text.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    let row = |line: &'static str| {
        let (az, ours) = line.trim_matches('|').split_once(" | ").unwrap();
        (quoted(az)[0], quoted(ours))
    };
    lines.map(row).filter(|(az, _)| !az.starts_with("az ")).collect()
}

#[test]
fn every_command_of_the_azure_cli_has_one_here_that_does_the_same() {
    let emulator = LoneEmulator::start(&[]);
    let teams = emulator.control("POST entra/token", &json!({}));
    let mut seen = Vec::new();
    for (az, commands) in rows() {
        seen.push(az);
        for line in commands {
            let created = run(&mut emulator.command(&["identity", "create"]), "");
            let created: Value = serde_json::from_str(&created.stdout).unwrap();
            let id = created["user"]["communicationUserId"].as_str().unwrap();
            let text = |pointer: &str| teams.pointer(pointer).unwrap().as_str().unwrap();
            let line = line
                .replace("APP_ID", text("/claims/appid"))
                .replace("USER_ID", text("/claims/oid"))
                .replace("ID", id);
            let arguments: Vec<&str> = line.split(' ').collect();
            let before = emulator.identities().len();
            let mut command = emulator.command(&arguments);
            if az.contains("delete") || az.contains("revoke") {
                command.arg("--yes");
            }
            let ran = run(&mut command, text("/token"));
            assert_eq!(ran.code, 0, "{az} | guestpass {line}: {ran:?}");
            let output: Value = serde_json::from_str(&ran.stdout).unwrap();
            let token = output["token"].as_str().or(output["accessToken"]["token"].as_str());
            let is_active = token.is_some_and(|token| emulator.is_active(token));
            let change = emulator.identities().len().cast_signed() - before.cast_signed();
            let expected = match az {
                "user create" => (1, false),
                "user delete" => (-1, false),
                "token issue --scope voip" => (1, true),
                "token issue --scope voip --user ID" | "token get-for-teams-user" => (0, true),
                "token revoke --user ID" => (0, false),
                other => panic!("{other} is not a command of az"),
            };
            assert_eq!((change, is_active), expected, "{az} | guestpass {line}: {ran:?}");
        }
    }
    assert_eq!(seen.len(), 6, "each command of az: {seen:?}");
}
