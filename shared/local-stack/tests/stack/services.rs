//! Tests of the services besides the gateway.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;

use local_stack::LocalStack;
use serde_json::{Value, json};

use crate::fixture::{self, StackFixture, client, options, token};

#[tokio::test]
async fn the_discovery_document_has_the_keys_and_a_warning() {
    let fixture = StackFixture::start().await;
    let url = format!("{}/.well-known/openid-configuration", fixture.stack.issuer());
    let discovery: Value = get(&url).await;
    assert_eq!(discovery["issuer"], fixture.stack.issuer());
    assert!(discovery["warning"].as_str().unwrap().contains("DEVELOPMENT ONLY"));
    let jwks = get(discovery["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(jwks["keys"][0]["alg"], "RS256");
    assert!(jwks["keys"][0].get("d").is_none());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_invalid_form_is_an_oauth_error() {
    let fixture = StackFixture::start().await;
    let url = format!("{}/token", fixture.stack.issuer());
    let response = fixture.client.post(url).body("scope=a").send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_request");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let fixture = StackFixture::start().await;
    let form = "sub=alice&expires_in=-1";
    let url = format!("{}/token", fixture.stack.issuer());
    let answer: Value =
        fixture.client.post(url).body(form).send().await.unwrap().json().await.unwrap();
    let url = format!("{}/echo", fixture.stack.gateway());
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(fixture.client.get(url).bearer_auth(token).send().await.unwrap().status(), 401);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn each_event_is_accepted_or_refused_separately() {
    let fixture = StackFixture::start().await;
    let put = |target: &'static str| {
        let entries = json!({ "Entries": [
            { "Source": "guestpass.identity", "DetailType": "user.disabled", "Detail": "{}" },
            { "Source": "guestpass.identity", "DetailType": "user.disabled", "Detail": "no" },
        ] });
        let request = fixture.client.post(fixture.stack.events()).header("x-amz-target", target);
        async move { request.body(entries.to_string()).send().await.unwrap() }
    };
    let response = put("AWSEvents.PutEvents").await;
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["FailedEntryCount"], 1);
    assert!(answer["Entries"][0]["EventId"].is_string());
    assert_eq!(put("AWSEvents.ListRules").await.status(), 400);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn dynamodb_has_each_table_of_the_template() {
    let fixture = StackFixture::start().await;
    for table in ["guestpass-local-Things", "guestpass-local-Others"] {
        let answer: Value = fixture
            .client
            .post(fixture.stack.dynamodb())
            .header("x-amz-target", "DynamoDB_20120810.DescribeTable")
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20260101T000000Z")
            .body(json!({ "TableName": table }).to_string())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer["Table"]["TableStatus"], "ACTIVE", "{table}: {answer}");
    }
    fixture.stack.stop().await;
}

/// The value of the secret that the template generates.
async fn generated_secret(stack_file: &std::path::Path) -> String {
    let file: Value = serde_json::from_slice(&std::fs::read(stack_file).unwrap()).unwrap();
    let url = file["secretsManager"].as_str().unwrap();
    let arn = "arn:aws:secretsmanager:local:000000000000:secret:Key";
    let request = client().post(url).header("x-amz-target", "secretsmanager.GetSecretValue");
    let answer = request.body(json!({ "SecretId": arn }).to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["ARN"], arn, "{answer}");
    // A read of this secret does not count as a read of the connection string.
    assert_eq!(get(&format!("{url}/_local/reads")).await, json!({ "reads": 0 }));
    answer["SecretString"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_of_the_template_is_generated_once_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.ephemeral = false;
    let mut values = Vec::new();
    for ephemeral in [false, false, true] {
        options.ephemeral = ephemeral;
        let stack = LocalStack::start(options.clone()).await.unwrap();
        values.push(generated_secret(&options.stack_file).await);
        stack.stop().await;
    }
    assert_eq!((values[0].len(), &values[0]), (64, &values[1]));
    assert_ne!(values[2], values[0], "an ephemeral stack has another secret");
}

#[tokio::test]
async fn the_secret_has_the_connection_string_until_another_value_is_put() {
    let fixture = StackFixture::start().await;
    let path = fixture.directory.path().join("stack.json");
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let call = async |operation: &str, body: Value| {
        let answer = fixture
            .client
            .post(file["secretsManager"].as_str().unwrap())
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let id = &file["acsSecretArn"];
    let (status, first) = call("GetSecretValue", json!({ "SecretId": id })).await;
    assert_eq!((status, &first["ARN"]), (200, id), "{first}");
    assert_eq!(first["SecretString"], file["acs"]["connectionString"]);
    let new = json!({ "SecretId": id, "SecretString": "another" });
    assert_eq!(call("PutSecretValue", new).await.0, 200);
    let (_, second) = call("GetSecretValue", json!({ "SecretId": id })).await;
    assert_eq!(second["SecretString"], "another");
    assert_ne!(second["VersionId"], first["VersionId"]);
    for (operation, body, code) in [
        ("GetSecretValue", json!({ "SecretId": "other" }), "ResourceNotFoundException"),
        ("GetSecretValue", json!({}), "InvalidParameterException"),
        ("PutSecretValue", json!({ "SecretId": id }), "InvalidParameterException"),
        ("DeleteSecret", json!({ "SecretId": id }), "UnknownOperationException"),
    ] {
        let (status, answer) = call(operation, body).await;
        assert_eq!((status, answer["__type"].as_str()), (400, Some(code)), "{operation}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn only_the_owner_can_read_the_stack_file_and_the_console_does_not_show_the_key() {
    let fixture = StackFixture::start().await;
    let path = fixture.directory.path().join("stack.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&file),
        [
            "acs",
            "acsSecretArn",
            "auditTable",
            "authorizer",
            "caCert",
            "console",
            "dynamodb",
            "entra",
            "eventBus",
            "events",
            "gateway",
            "issuer",
            "secretsManager",
            "table",
            "transmitters"
        ]
    );
    assert_eq!(
        keys(&file["acs"]),
        ["accessKey", "caCert", "connectionString", "endpoint", "http", "https"]
    );
    assert_eq!(file["table"], "guestpass-local-Things");
    assert_eq!(file["auditTable"], "guestpass-local-Others");
    assert_eq!(file["eventBus"], Value::Null, "the template makes none");
    assert!(file["acs"]["https"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    let cert = std::fs::read_to_string(file["acs"]["caCert"].as_str().unwrap()).unwrap();
    assert!(cert.starts_with("-----BEGIN CERTIFICATE-----"));

    let key = file["acs"]["accessKey"].as_str().unwrap();
    let shown = get(&format!("{}/_local/stack", fixture.stack.console())).await;
    assert_eq!(shown["gateway"], fixture.stack.gateway());
    let page =
        fixture.client.get(fixture.stack.console()).send().await.unwrap().text().await.unwrap();
    let first = shown["firstRequest"].as_str().unwrap();
    assert!(first.contains("/v1/token") && first.contains(fixture.stack.issuer()));
    let administrator = shown["administratorToken"].as_str().unwrap();
    assert!(administrator.contains("-d scope=guestpass.admin -d role=guestpass-admin"));
    let credential = file["transmitters"][0]["clientSecret"].as_str().unwrap();
    for text in [shown.to_string(), page, format!("{:?}", fixture.stack)] {
        assert!(!text.contains(key) && !text.contains(credential));
    }
    fixture.stack.stop().await;
    // An ephemeral stack leaves only its logs.
    let kept: Vec<_> = std::fs::read_dir(fixture.directory.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["logs"]);
}

#[tokio::test]
async fn the_console_shows_processes_and_requests() {
    let fixture = StackFixture::start().await;
    fixture.get("/echo?secret=1").await;
    let console = fixture.stack.console();
    let functions = get(&format!("{console}/_local/functions")).await;
    assert_eq!(functions, json!({ "echo_function": fixture.stack.pids("echo_function") }));
    let requests = get(&format!("{console}/_local/requests")).await;
    assert_eq!(requests["requests"][0]["path"], "/echo");
    assert_eq!(requests["requests"][0]["status"], 200);
    assert!(!requests.to_string().contains("secret"));
    let rebound = fixture.client.get(console).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_the_issuers_key_the_table_and_the_key_of_acs() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.ephemeral = false;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let stack = LocalStack::start(options.clone()).await.unwrap();
        let file = std::fs::read(&options.stack_file).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let jwks = get(&format!("{}/jwks", stack.issuer())).await;
        seen.push((jwks, file["acs"]["accessKey"].clone()));
        token(&client(), stack.issuer(), "guestpass.token").await;
        stack.stop().await;
    }
    assert_eq!(seen[0], seen[1]);
    let mode = std::fs::metadata(&options.data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(options.data.join("dynamodb.sqlite").exists());
}

#[tokio::test]
async fn a_data_directory_is_used_by_one_stack_at_a_time() {
    let fixture = StackFixture::with(|options| options.ephemeral = false).await;
    let mut options = options(fixture.directory.path());
    options.stack_file = fixture.directory.path().join("other.json");
    let error = {
        let mut options = options.clone();
        options.ephemeral = false;
        LocalStack::start(options).await.unwrap_err().to_string()
    };
    assert!(error.contains("--data"), "{error}");
    // A stack that keeps nothing does not conflict.
    LocalStack::start(options.clone()).await.unwrap().stop().await;
    fixture.stack.stop().await;
    options.ephemeral = false;
    LocalStack::start(options).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_start_error_says_what_to_do() {
    let fixture = StackFixture::start().await;
    let taken = fixture.stack.gateway().rsplit_once(':').unwrap().1.parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.port = taken;
    let error = LocalStack::start(options.clone()).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("port {taken} (for gateway) is in use:")), "{error}");
    assert!(!error.contains('\n') && error.contains("GUESTPASS_PORT"), "{error}");

    options.port = 0;
    // TEST-NET-1 (RFC 5737), which no machine has.
    options.host = "192.0.2.1".parse().unwrap();
    let error = LocalStack::start(options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("192.0.2.1") && error.contains("--host"), "{error}");
    assert!(!error.contains("port"), "{error}");
    options.host = Ipv4Addr::LOCALHOST.into();

    options.functions_dir = directory.path().to_owned();
    let error = LocalStack::start(options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("cargo build -p echo_function"), "{error}");

    options.functions_dir = fixture::functions_dir();
    options.template = directory.path().join("none.yaml");
    let error = LocalStack::start(options.clone()).await.unwrap_err().to_string();
    assert!(error.contains("none.yaml"), "{error}");
    assert!(!options.stack_file.exists());
    fixture.stack.stop().await;
}

async fn get(url: &str) -> Value {
    client().get(url).send().await.unwrap().json().await.unwrap()
}
