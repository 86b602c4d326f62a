//! Configurations with one fault each, and the one diagnosis for each of them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cli::{CliStack, Session, ToolOutput, check, guestpass, run};
use serde_json::{Value, json};

const SDKS: &str = "COMMUNICATION_SERVICES_CONNECTION_STRING";
const LISTED: &str = "GUESTPASS_INSECURE_HOSTS";

/// The fault that the doctor found, and its remedy.
fn diagnosis(ran: &ToolOutput) -> (String, String) {
    let checks: Vec<Value> =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no findings: {ran:?}"));
    let bad: Vec<&Value> = checks.iter().filter(|check| check["verdict"] == "bad").collect();
    assert_eq!((bad.len(), ran.code), (1, 7), "exactly one diagnosis: {ran:?}");
    let text = |name: &str| bad[0][name].as_str().unwrap().to_owned();
    assert!(!text("remedy").is_empty());
    (text("check"), format!("{} → {}", text("finding"), text("remedy")))
}

fn finds(ran: &ToolOutput, check: &str, text: &str) {
    let (found, said) = diagnosis(ran);
    assert_eq!(found, check, "{said}");
    assert!(said.contains(text), "{said}");
}

/// Runs the doctor with the stack as a deployed service, with changes to its environment.
fn deployed(stack: &CliStack, flags: &[&str], changes: &[(&str, &str)]) -> ToolOutput {
    let mut command = guestpass(std::path::Path::new("/"), &[&["doctor"], flags].concat());
    command.envs([
        (SDKS, stack.connection_string().as_str()),
        ("GUESTPASS_TABLE", &stack.text("/table")),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.text("/dynamodb")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    run(command.envs(changes.iter().copied()), "")
}

#[test]
fn every_check_of_a_working_stack_is_ok() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut session = Session::new(&stack);
    session.run_with("doctor -o table --bearer-file -", &stack.bearer("sub=alice"));
    session.run("doctor -o tsv");
    let text = session.take();
    let stable: Vec<String> = text
        .split(' ')
        .map(|word| {
            if word.parse::<u32>().is_ok() && word != "300" {
                "<n>".to_owned()
            } else {
                word.to_owned()
            }
        })
        .collect();
    check("doctor", &stable.join(" "));
    assert_eq!(deployed(&stack, &[], &[]).code, 0);
}

#[test]
fn an_emulator_that_is_not_on_loopback_is_reached_over_http_only_if_its_host_is_listed() {
    let stack = CliStack::start();
    let elsewhere = stack.connection_string().replace("127.0.0.1", "0.0.0.0");
    let with = |hosts| deployed(&stack, &[], &[(SDKS, &elsewhere), (LISTED, hosts)]);
    finds(&with("acs-emulator"), "configuration", LISTED);
    assert_eq!(with("acs-emulator,0.0.0.0").code, 0);
}

#[test]
fn a_missing_or_invalid_configuration() {
    let nowhere = tempfile::tempdir().unwrap();
    finds(
        &run(&mut guestpass(nowhere.path(), &["doctor"]), ""),
        "configuration",
        "no service is selected",
    );
    let stack = CliStack::start();
    finds(&deployed(&stack, &[], &[(SDKS, "nonsense")]), "configuration", "copy all of it");
    finds(
        &deployed(&stack, &["--api-version", "new!"], &[]),
        "configuration",
        "invalid api-version",
    );
}

#[test]
fn an_endpoint_without_a_server_or_with_another_service() {
    let stack = CliStack::start();
    // No server listens on port 1.
    let unreachable = "endpoint=http://127.0.0.1:1/;accesskey=aGVsbG8=";
    finds(&deployed(&stack, &[], &[(SDKS, unreachable)]), "endpoint", "check the resource's name");
    let issuer = format!("endpoint={}/;accesskey=aGVsbG8=", stack.text("/issuer"));
    finds(
        &deployed(&stack, &[], &[(SDKS, &issuer)]),
        "endpoint",
        "https://<resource>.communication.azure.com/",
    );
}

#[test]
fn a_stack_that_was_killed() {
    let mut stack = CliStack::start();
    stack.kill();
    finds(&stack.run(&["doctor"]), "endpoint", "start it with `make run`");
    let arn = stack.text("/acsSecretArn");
    finds(&stack.run(&["doctor", "--local", "--secret", &arn]), "endpoint", "start it with");
}

#[test]
fn an_invalid_key() {
    let stack = CliStack::start();
    let wrong = format!("endpoint={}/;accesskey=aGVsbG8=", stack.text("/acs/http"));
    finds(&deployed(&stack, &[], &[(SDKS, &wrong)]), "key", "copy the connection string again");
}

#[test]
fn a_clock_with_a_wrong_time() {
    let stack = CliStack::start();
    for skew in [400, -400] {
        stack.emulator("POST clock", &json!({ "skewSeconds": skew }));
        finds(&deployed(&stack, &[], &[]), "clock", "set this machine's clock");
    }
}

#[test]
fn an_api_version_that_acs_does_not_support() {
    let stack = CliStack::start();
    let found = deployed(&stack, &["--api-version", "2019-01-01"], &[]);
    finds(&found, "api-version", "leave --api-version and ACS_API_VERSION out");
}

#[test]
fn a_missing_or_unreachable_table() {
    let stack = CliStack::start();
    finds(
        &deployed(&stack, &[], &[("GUESTPASS_TABLE", "Missing")]),
        "table",
        "table Missing does not exist",
    );
    let unreachable = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")];
    finds(&deployed(&stack, &[], &unreachable), "table", "check the region");
    finds(&deployed(&stack, &[], &[("AWS_REGION", "")]), "table", "set AWS_REGION");
    // Without any part of a service, it would be an ACS resource alone.
    let forgotten = [("GUESTPASS_TABLE", ""), ("GUESTPASS_AUDIT_TABLE", "A")];
    finds(&deployed(&stack, &[], &forgotten), "table", "GUESTPASS_TABLE");
    finds(&deployed(&stack, &[], &[("AWS_ACCESS_KEY_ID", "")]), "table", "aws sso login");
}

#[test]
fn a_table_of_another_resource() {
    let (ours, theirs) = (CliStack::start(), CliStack::start());
    ours.identity("alice");
    let other = [(SDKS, theirs.connection_string())];
    let other: Vec<(&str, &str)> =
        other.iter().map(|(name, value)| (*name, value.as_str())).collect();
    finds(&deployed(&ours, &[], &other), "resource", "belongs to another resource");
}

#[test]
fn an_unreachable_issuer_or_one_with_another_name() {
    let stack = CliStack::start();
    let unreachable = ["--issuer", "http://127.0.0.1:1"];
    finds(&deployed(&stack, &unreachable, &[]), "issuer", "check the issuer");
    let slash = format!("{}/", stack.text("/issuer"));
    finds(
        &deployed(&stack, &["--issuer", &slash], &[]),
        "issuer",
        "exactly as the document spells it",
    );
}

#[test]
fn each_defect_of_a_bearer() {
    let (stack, other) = (CliStack::start(), CliStack::start());
    let theirs = other.bearer("sub=alice");
    let (ours, admins) = (stack.bearer("sub=alice"), stack.bearer("sub=root"));
    let [header, _, signature] = parts(&ours);
    let [_, claims, _] = parts(&admins);
    let another_header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"unknown"}"#);
    for (bearer, text) in [
        (format!("{header}.{claims}.{signature}"), "signature verification failed"),
        (ours[..ours.len() - 8].to_owned(), "signature verification failed"),
        (format!("{another_header}.{claims}.{signature}"), "the issuer has no key \"unknown\""),
        ("opaque".to_owned(), "not a JSON Web Token"),
        (stack.bearer("sub=alice&expires_in=-60"), "it expired at"),
        (stack.bearer("sub=alice&aud=another"), "its audience is"),
        (stack.bearer("sub=alice&scope=guestpass.admin"), "its scopes are"),
        (theirs, "its issuer is"),
        (stack.bearer(&format!("sub=alice&iss={}", other.text("/issuer"))), "its issuer is"),
        ("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.".to_owned(), "its issuer is"),
    ] {
        finds(&stack.run_with(&["doctor", "--bearer-file", "-"], &bearer), "bearer", text);
    }
    let well = stack.run_with(
        &["doctor", "--bearer-file", "-", "--scope", "guestpass.admin", "--audience", "my-api"],
        &stack.bearer("sub=root&aud=my-api&scope=guestpass.admin"),
    );
    assert_eq!(well.code, 0, "{well:?}");
}

#[test]
fn a_bearer_with_ec_needs_the_authorizer_of_our_own() {
    let stack = CliStack::start();
    let ec = stack.bearer("sub=alice&alg=ES256");
    let doctor =
        |flags: &[&str]| stack.run_with(&[&["doctor", "--bearer-file", "-"], flags].concat(), &ec);
    finds(&doctor(&[]), "bearer", "signed with \"ES256\"; Authorizer=jwt verifies RS256");
    assert_eq!(doctor(&["--authorizer", "lambda"]).code, 0);
    let named = |name| {
        let mut doctor = stack.command(&["doctor", "--bearer-file", "-"]);
        run(doctor.env("GUESTPASS_AUTHORIZER", name), &ec)
    };
    assert_eq!(named("lambda").code, 0);
    let invalid = named("own");
    assert_eq!(invalid.code, 2, "{invalid:?}");
    assert!(invalid.stderr.contains("invalid value `own` of GUESTPASS_AUTHORIZER"), "{invalid:?}");

    let own = CliStack::with(&["--parameter", "Authorizer=lambda"]);
    let bearer = own.bearer("sub=alice&alg=ES256");
    let well = own.run_with(&["doctor", "--bearer-file", "-"], &bearer);
    assert!(well.code == 0 && well.stdout.contains("verify RS256, ES256"), "{well:?}");
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let [_, claims, signature] = parts(&bearer);
    let forged = format!("{none}.{claims}.{signature}");
    let found = own.run_with(&["doctor", "--bearer-file", "-"], &forged);
    finds(&found, "bearer", "signed with \"HS256\"; Authorizer=lambda verifies");
}

#[test]
fn a_token_without_scopes_is_accepted_if_none_is_needed() {
    let stack = CliStack::start();
    let bearer = stack.bearer("sub=alice&scope=");
    let doctor =
        |scope| stack.run_with(&["doctor", "--bearer-file", "-", "--scope", scope], &bearer);
    finds(&doctor("guestpass.token"), "bearer", "its scopes are []");
    let well = doctor("");
    assert!(well.code == 0 && well.stdout.contains("audience, life are right"), "{well:?}");
}

#[test]
fn a_logout_token_is_not_a_bearer() {
    let stack = CliStack::start();
    let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"logout+jwt"}"#);
    let bearer = stack.bearer("sub=alice");
    let [_, claims, signature] = parts(&bearer);
    let logout = format!("{header}.{claims}.{signature}");
    let found = stack.run_with(&["doctor", "--bearer-file", "-"], &logout);
    finds(&found, "bearer", "`typ`");
}

#[test]
fn a_bearer_that_could_not_be_compared_is_not_ok() {
    let stack = CliStack::start();
    let file = stack.dir().join("bearer");
    std::fs::write(&file, stack.bearer("sub=alice")).unwrap();
    let issuer = stack.text("/issuer");
    let bearer = |flags: &[&str], changes: &[(&str, &str)]| {
        let flags = [&["--bearer-file", file.to_str().unwrap()], flags].concat();
        let found = deployed(&stack, &flags, changes);
        assert_eq!(found.code, 0, "{found:?}");
        let checks: Vec<Value> = serde_json::from_str(&found.stdout).unwrap();
        checks.into_iter().find(|check| check["check"] == "bearer").unwrap()
    };
    let found = bearer(&[], &[]);
    assert_eq!(found["verdict"], "note", "{found}");
    let finding = found["finding"].as_str().unwrap();
    assert!(finding.contains("issuer, signature, audience not looked at"), "{finding}");
    let audience = ["--audience", "guestpass-local"];
    assert_eq!(bearer(&audience, &[])["verdict"], "note");
    assert_eq!(bearer(&["--issuer", &issuer], &[])["verdict"], "note");
    // The variable for events can also name the issuer.
    assert_eq!(bearer(&audience, &[("GUESTPASS_ISSUER", &issuer)])["verdict"], "good");
}

/// The header, the claims and the signature.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap()
}

#[test]
fn each_mistake_in_a_teams_exchange() {
    let stack = CliStack::start();
    let well = stack.emulator("POST entra/token", &json!({}));
    let (app, user) =
        (well["claims"]["appid"].as_str().unwrap(), well["claims"]["oid"].as_str().unwrap());
    let file = stack.dir().join("teams");
    let look = |order: Value, app: &str, user: &str| {
        let made = stack.emulator("POST entra/token", &order);
        std::fs::write(&file, made["token"].as_str().unwrap()).unwrap();
        stack.run(&[
            "doctor",
            "--teams-token-file",
            file.to_str().unwrap(),
            "--teams-app-id",
            app,
            "--teams-user-id",
            user,
        ])
    };
    assert_eq!(look(json!({}), app, user).code, 0);
    let nil = "00000000-0000-0000-0000-000000000000";
    for (order, app, user, text) in [
        (json!({ "expiresInSeconds": -1 }), app, user, "it has expired"),
        (json!({ "expiresInSeconds": 300 }), app, user, "less than ten minutes"),
        (json!({ "aud": "https://graph.microsoft.com" }), app, user, "its audience is not ACS"),
        (json!({ "scp": "Teams.ManageCalls" }), app, user, "it lacks a permission"),
        (json!({}), nil, user, "the application is not the one"),
        (json!({}), "my app", user, "the application is not the one"),
        (json!({}), app, nil, "its claim oid"),
    ] {
        finds(&look(order, app, user), "Teams token", text);
    }
    std::fs::write(&file, "opaque").unwrap();
    let path = file.to_str().unwrap();
    let opaque = stack.run(&[
        "doctor",
        "--teams-token-file",
        path,
        "--teams-app-id",
        app,
        "--teams-user-id",
        user,
    ]);
    finds(&opaque, "Teams token", "not a JSON Web Token");
}

#[test]
fn an_invalid_policy_and_one_whose_scopes_end() {
    let stack = CliStack::start();
    let file = stack.dir().join("policy.json");
    let look = |policy: &str| {
        std::fs::write(&file, policy).unwrap();
        stack.run(&["doctor", "--policy", file.to_str().unwrap()])
    };
    finds(&look("{\"rule\": []}"), "policy", "invalid policy");
    let ends = look("{\"otherwise\": {\"scopes\": [\"chat\", \"voip\"]}}");
    assert!(ends.code == 0 && ends.stdout.contains("2028-09-30"), "{ends:?}");
    let stays = look("{\"otherwise\": {\"scopes\": [\"voip\"]}}");
    assert!(stays.code == 0 && !stays.stdout.contains("2028-09-30"), "{stays:?}");
    finds(&stack.run(&["doctor", "--policy", "missing"]), "policy", "No such file");
}

#[test]
fn a_secret_of_the_functions_and_another_secret() {
    let (stack, other) = (CliStack::start(), CliStack::start());
    let arn = stack.text("/acsSecretArn");
    let local = stack.run(&["doctor", "--local", "--secret", &arn]);
    assert!(local.code == 0 && local.stdout.contains("the functions use"), "{local:?}");
    let missing = stack.run(&["doctor", "--local", "--secret", "arn:none"]);
    finds(&missing, "secret", "AcsSecretArn");
    // The connection string is this resource's, and the secret is another resource's.
    let theirs = other.text("/secretsManager");
    let found = deployed(
        &stack,
        &[],
        &[("GUESTPASS_SECRET", &arn), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &theirs)],
    );
    finds(&found, "secret", "use the same resource for both");
    // The secret holds the connection string.
    let ours = stack.text("/secretsManager");
    let found = deployed(
        &stack,
        &["--secret", &arn],
        &[(SDKS, ""), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &ours)],
    );
    assert!(found.code == 0 && found.stdout.contains("the functions use"), "{found:?}");
    let found = deployed(
        &stack,
        &["--secret", "arn:none"],
        &[(SDKS, ""), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &ours)],
    );
    finds(&found, "configuration", "the secret does not exist");
    assert!(found.stdout.contains("\"table\""), "and says that it did not look further");
}

#[test]
fn r01_records_whose_keys_other_claims_gave_are_counted() {
    let stack = CliStack::start();
    for user in ["https://a.example|t|o", "https://a.example|sub", "crm-7"] {
        stack.identity(user);
    }
    let doctor = |claims| stack.run(&["doctor", "-o", "json", "--subject-claims", claims]);
    finds(&doctor("tid,oid"), "record keys", "1 of 3 records have keys of other claims");
    let one = doctor("sub");
    assert_eq!(one.code, 0, "{one:?}");
    assert!(one.stdout.contains("cannot be told"), "{one:?}");
}
