//! Tests of https with the emulator's own authority.

use std::path::Path;

use acs_emulator::{Emulator, EmulatorServer};
use reqwest::{Certificate, Client};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{EmulatorFixture, V2023};

async fn serve(emulator: &Emulator, dir: &Path) -> EmulatorServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    emulator.serve_tls(listener, dir).unwrap()
}

fn client(ca_cert: &[u8]) -> Client {
    let certificate = Certificate::from_pem(ca_cert).unwrap();
    Client::builder().tls_certs_only([certificate]).build().unwrap()
}

#[tokio::test]
async fn who_trusts_the_authority_is_served_by_address_and_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().build().unwrap();
    let server = serve(&emulator, dir.path()).await;
    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    let client = client(&std::fs::read(server.ca_cert_path().unwrap()).unwrap());
    let port = server.address().port();
    let named = client.get(format!("https://localhost:{port}/_emulator/identities"));
    // If localhost resolves to ::1 first, the client tries both addresses.
    assert_eq!(named.send().await.unwrap().status(), 200);

    let fixture = EmulatorFixture { emulator, server, client };
    let reply = fixture.call("POST", &format!("/identities{V2023}"), "").await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("strict-transport-security"), None);
}

#[tokio::test]
async fn who_does_not_trust_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().build().unwrap();
    let server = serve(&emulator, dir.path()).await;
    let stranger = Client::builder().build().unwrap();
    let url = format!("{}/_emulator/identities", server.endpoint());
    assert!(stranger.get(url).send().await.is_err());
}

#[tokio::test]
async fn the_authority_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().build().unwrap();
    let first = serve(&emulator, dir.path()).await;
    let ca_cert = std::fs::read(first.ca_cert_path().unwrap()).unwrap();
    drop(first);
    let second = serve(&emulator, dir.path()).await;
    let url = format!("{}/_emulator/clock", second.endpoint());
    assert_eq!(client(&ca_cert).get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_reset_is_seen_through_tls_too() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().build().unwrap();
    let server = serve(&emulator, dir.path()).await;
    let client = client(&std::fs::read(server.ca_cert_path().unwrap()).unwrap());
    let fixture = EmulatorFixture { emulator, server, client };
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"resetAfter": true}}])).await;
    let draft = fixture.draft("POST", &format!("/identities{V2023}"), "");
    assert!(fixture.try_send(draft).await.is_err());
    assert_eq!(fixture.look("identities").await["identities"].as_array().unwrap().len(), 1);
}
