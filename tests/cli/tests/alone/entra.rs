//! Entra credentials in place of an access key. The token endpoint and ACS are reached over https.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use cli::{LoneEmulator, ToolOutput, run};
use serde_json::{Value, json};

const TENANT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
const APP: &str = "11111111-2222-3333-4444-555555555555";

fn emulator() -> LoneEmulator {
    let client = format!("{APP}=CANARY-right");
    LoneEmulator::start(&["--entra-client", &client, "--entra-role", "Contributor"])
}

/// The tool with an endpoint and nothing else; the emulator is Entra, too.
fn command(emulator: &LoneEmulator, arguments: &[&str]) -> Command {
    let mut command = emulator.without_credentials(arguments);
    command
        .env("COMMUNICATION_SERVICES_ENDPOINT", emulator.announced("https endpoint"))
        .env("AZURE_AUTHORITY_HOST", emulator.announced("https endpoint"))
        .env("SSL_CERT_FILE", emulator.certificate());
    command
}

const ISSUE: [&str; 5] = ["token", "issue", "--new", "--scope", "voip"];

fn app(command: &mut Command) -> &mut Command {
    command.env("AZURE_TENANT_ID", TENANT).env("AZURE_CLIENT_ID", APP)
}

fn issues_a_token(emulator: &LoneEmulator, ran: &ToolOutput) {
    assert_eq!(ran.code, 0, "{ran:?}");
    let output: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(emulator.is_active(output["token"].as_str().unwrap()));
}

/// A program called `az`, in a directory for `PATH`.
fn az(emulator: &LoneEmulator, script: &str) -> String {
    let directory = emulator.dir().join("bin");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("az");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", directory.display())
}

#[test]
fn an_app_with_a_secret_needs_no_key() {
    let emulator = emulator();
    let mut issue = command(&emulator, &ISSUE);
    let ran = run(app(&mut issue).env("AZURE_CLIENT_SECRET", "CANARY-right"), "");
    issues_a_token(&emulator, &ran);
    let mut doctor = command(&emulator, &["doctor", "-o", "tsv"]);
    let ran = run(app(&mut doctor).env("AZURE_CLIENT_SECRET", "CANARY-right"), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    let expected = "Entra\tgood\tACS accepts a token of the Entra app of AZURE_CLIENT_SECRET";
    assert!(ran.stdout.contains(expected), "{ran:?}");
}

#[test]
fn the_endpoint_can_be_an_option_which_wins_over_a_connection_string() {
    let emulator = emulator();
    let endpoint = emulator.announced("https endpoint").to_owned();
    let mut issue = emulator.command(&ISSUE);
    issue.args(["--endpoint", &endpoint]).env("AZURE_AUTHORITY_HOST", &endpoint);
    issue.env("SSL_CERT_FILE", emulator.certificate()).env("AZURE_CLIENT_SECRET", "CANARY-wrong");
    let ran = run(app(&mut issue), "");
    assert!(ran.code == 4 && ran.stderr.contains("invalid_client"), "{ran:?}");
    let mut status = emulator.without_credentials(&["status"]);
    let ran = run(status.args(["--endpoint", "http://contoso.example"]), "");
    assert!(ran.code == 2 && ran.stderr.contains("invalid endpoint"), "{ran:?}");
    // A list of hosts that may speak http would not help: a bearer is not sent there.
    assert!(
        ran.stderr.contains("connection string") && !ran.stderr.contains("set GUESTPASS"),
        "{ran:?}"
    );
}

#[test]
fn r51_a_secret_that_entra_refuses_is_not_shown() {
    let emulator = emulator();
    for line in [&ISSUE[..], &["doctor"]] {
        let mut issue = command(&emulator, line);
        let ran =
            run(app(&mut issue).env("AZURE_CLIENT_SECRET", "CANARY-wrong").arg("--debug"), "");
        assert_ne!(ran.code, 0, "{ran:?}");
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.contains("invalid_client") && text.contains("AZURE_CLIENT_SECRET"), "{text}");
        assert!(!text.contains("CANARY"), "{text}");
    }
    assert_eq!(emulator.identities(), [""; 0]);
}

#[test]
fn a_workload_identity_is_the_file_of_its_token() {
    let emulator = emulator();
    let order = json!({"aud": "api://AzureADTokenExchange"});
    let token = emulator.control("POST entra/token", &order)["token"].clone();
    let file = emulator.dir().join("federated");
    std::fs::write(&file, token.as_str().unwrap()).unwrap();
    let mut issue = command(&emulator, &ISSUE);
    let ran = run(app(&mut issue).env("AZURE_FEDERATED_TOKEN_FILE", &file), "");
    issues_a_token(&emulator, &ran);
    std::fs::write(&file, "CANARY.another.token").unwrap();
    let mut issue = command(&emulator, &ISSUE);
    let ran = run(app(&mut issue).env("AZURE_FEDERATED_TOKEN_FILE", &file), "");
    assert!(ran.code == 4 && ran.stderr.contains("federated credential of the app"), "{ran:?}");
    assert!(!ran.stderr.contains("CANARY"), "{ran:?}");
}

#[test]
fn without_an_app_the_azure_cli_is_asked_as_microsofts_sdks_ask_it() {
    let emulator = emulator();
    let order = json!({"aud": "https://communication.azure.com/", "roles": ["Contributor"]});
    let token = emulator.control("POST entra/token", &order)["token"].clone();
    let printed = json!({"accessToken": token, "expires_on": 4_000_000_000_u64});
    let path = az(&emulator, &format!("echo \"$@\" > asked\necho '{printed}'"));
    let ran = run(command(&emulator, &ISSUE).env("PATH", path), "");
    issues_a_token(&emulator, &ran);
    let asked = std::fs::read_to_string(emulator.dir().join("asked")).unwrap();
    let expected =
        "account get-access-token --output json --resource https://communication.azure.com/";
    assert_eq!(asked.trim(), expected);
}

#[test]
fn without_a_sign_in_of_the_azure_cli_it_says_so() {
    let emulator = emulator();
    let signed_out =
        az(&emulator, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    for (path, expected) in [
        ("/nonexistent", "is not installed"),
        (signed_out.as_str(), "Please run 'az login' to setup account."),
    ] {
        let ran = run(command(&emulator, &ISSUE).env("PATH", path), "");
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
        assert!(ran.stderr.contains("sign in with `az login`; or set AZURE_TENANT_ID"), "{ran:?}");
    }
}

#[test]
fn half_an_app_is_not_replaced_by_another_credential() {
    let emulator = emulator();
    let mut issue = command(&emulator, &ISSUE);
    let ran = run(issue.env("AZURE_CLIENT_SECRET", "CANARY").env("AZURE_TENANT_ID", TENANT), "");
    assert!(ran.code == 2 && ran.stderr.contains("AZURE_CLIENT_ID is not set"), "{ran:?}");
    let mut issue = command(&emulator, &ISSUE);
    let ran = run(issue.env("AZURE_CLIENT_CERTIFICATE_PATH", "a.pem"), "");
    assert!(ran.code == 2 && ran.stderr.contains("CERTIFICATE_PATH is not supported"), "{ran:?}");
}

/// The resource alone and the credential are two questions: with a table, Entra serves as well.
#[test]
fn the_role_on_the_resource_is_named_if_it_is_missing() {
    let emulator = emulator();
    let order = json!({"aud": "https://communication.azure.com/"});
    let token = emulator.control("POST entra/token", &order)["token"].clone();
    let printed = json!({"accessToken": token, "expires_on": 4_000_000_000_u64});
    let path = az(&emulator, &format!("echo '{printed}'"));
    let ran = run(command(&emulator, &ISSUE).env("PATH", path), "");
    assert!(ran.code == 4 && ran.stderr.contains("role Contributor"), "{ran:?}");
}
