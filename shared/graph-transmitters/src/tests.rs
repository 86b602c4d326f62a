use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_secretsmanager::{Client, Config};
use harness::TestServer;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:transmitters";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

fn env(kind: &str, arn: &str) -> impl Fn(&str) -> Option<String> {
    let graph = format!(
        r#"[{{"name": "entra", "kind": "graph", "mode": "shadow", "tenants": ["{TENANT}"],
            "clientId": "aaaaaaaa-0000-0000-0000-000000000001",
            "notificationUrl": "https://api.example.com/v1/signals/entra"}}]"#
    );
    let transmitters = if kind == "graph" { graph } else { String::new() };
    let arn = arn.to_owned();
    move |name: &str| match name {
        "TRANSMITTERS" => Some(transmitters.clone()),
        "TRANSMITTER_SECRET_ARN" => Some(arn.clone()),
        "ISSUER" => Some(format!("https://login.microsoftonline.com/{TENANT}/v2.0")),
        "SUBJECT_CLAIMS" => Some("tid,oid".to_owned()),
        _ => None,
    }
}

#[test]
fn only_transmitters_of_graph_are_taken_and_they_need_a_secret() {
    let none = GraphTransmitters::from_env(&env("", "")).unwrap();
    assert!(none.settings.is_empty() && none.secret_of("entra").is_none());
    assert!(none.clients(&identity_core::ports::SystemClock::default()).unwrap().is_empty());

    let graph = GraphTransmitters::from_env(&env("graph", ARN)).unwrap();
    assert_eq!(graph.settings["entra"].mode, identity_core::event::EventMode::Shadow);
    assert!(graph.secret_of("entra").is_some() && graph.secret_of("okta").is_none());
    let clients = graph.clients(&identity_core::ports::SystemClock::default()).unwrap();
    assert_eq!(clients.keys().collect::<Vec<_>>(), ["entra"]);

    let error = GraphTransmitters::from_env(&env("graph", "")).unwrap_err().to_string();
    assert!(error.contains("TRANSMITTER_SECRET_ARN is not set"), "{error}");
}

async fn secret(text: &str) -> (TestServer, TransmitterSecret) {
    let server = harness::secrets_manager(ARN, text).await.unwrap();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(server.url())
        .build();
    let reader = SecretReader::new(Client::from_conf(config));
    let arn = Arc::new(ARN.parse().unwrap());
    (server, TransmitterSecret { reader, arn, transmitter: "entra".to_owned() })
}

#[tokio::test]
async fn the_client_secret_is_that_of_the_transmitter() {
    let text = r#"{"entra": {"clientSecret": "s3cret"}, "okta": {"clientSecret": "other"}}"#;
    let (_server, secret) = secret(text).await;
    assert_eq!(secret.client_secret().await.unwrap().expose(), "s3cret");
}

#[tokio::test]
async fn r51_a_secret_without_the_member_is_not_quoted() {
    for (text, expected) in [
        (
            r#"{"entra": {"clientState": "s3cret"}}"#,
            "has no `clientSecret` for the transmitter `entra`",
        ),
        (r#""s3cret""#, "must be a JSON object"),
    ] {
        let (_server, secret) = secret(text).await;
        let error = secret.client_secret().await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected) && !text.contains("s3cret"), "{text}");
    }
}
