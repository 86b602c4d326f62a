//! Tests of how the official clients sign, one test per quirk, over a plain socket: an HTTP library
//! would normalise the headers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use acs_emulator::{Emulator, EmulatorOptions};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{EmulatorFixture, V2023, now, rfc1123};

/// A request of one of the clients. The defaults are those of the Python client.
struct Client {
    method: &'static str,
    target: String,
    body: &'static str,
    /// The names of the signed headers in order, the date's header first.
    date_header: &'static str,
    sent_host: String,
    signed_host: String,
    /// More header lines, with their line ends.
    more: Vec<String>,
}

impl Client {
    fn of(fixture: &EmulatorFixture) -> Self {
        let host = fixture.server.address().to_string();
        Self {
            method: "POST",
            target: format!("/identities{V2023}"),
            body: "",
            date_header: "x-ms-date",
            sent_host: host.clone(),
            signed_host: host,
            more: Vec::new(),
        }
    }

    /// The bytes of the request.
    fn wire(&self, fixture: &EmulatorFixture) -> Vec<u8> {
        let Self { method, target, body, date_header, sent_host, signed_host, more } = self;
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()));
        let date = rfc1123(now());
        let text = format!("{method}\n{target}\n{date};{signed_host};{hash}");
        let key = STANDARD.decode(fixture.emulator.access_key().expose()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let length = body.len();
        let more = more.concat();
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {sent_host}\r\n{date_header}: {date}\r\n\
             x-ms-content-sha256: {hash}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n{more}Authorization: HMAC-SHA256 \
             SignedHeaders={date_header};host;x-ms-content-sha256&Signature={signature}\r\n\r\n\
             {body}"
        )
        .into_bytes()
    }

    async fn status(&self, fixture: &EmulatorFixture) -> String {
        sent(fixture, self.wire(fixture)).await
    }
}

/// The status of the response to these bytes.
async fn sent(fixture: &EmulatorFixture, bytes: Vec<u8>) -> String {
    let address = fixture.server.address();
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test]
async fn python_sync_signs_the_encoded_path_and_the_host_with_its_port() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await.replace(':', "%3A");
    let target = format!("/identities/{id}/:revokeAccessTokens{V2023}");
    assert_eq!(Client { target, ..Client::of(&fixture) }.status(&fixture).await, "204");
}

#[tokio::test]
async fn python_async_signs_and_sends_literal_colons() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let target = format!("/identities/{id}/:revokeAccessTokens{V2023}");
    assert_eq!(Client { target, ..Client::of(&fixture) }.status(&fixture).await, "204");
}

#[tokio::test]
async fn python_with_a_trailing_slash_is_denied_unless_that_is_allowed() {
    for (allow, status) in [(false, "401"), (true, "201")] {
        let builder = Emulator::builder().options(EmulatorOptions {
            allow_host_with_slash: allow,
            ..EmulatorOptions::default()
        });
        let fixture = EmulatorFixture::with(builder).await;
        let client = Client::of(&fixture);
        let signed_host = format!("{}/", client.signed_host);
        assert_eq!(Client { signed_host, ..client }.status(&fixture).await, status);
    }
}

#[tokio::test]
async fn js_up_to_2_4_0_signs_and_sends_its_port_twice() {
    let fixture = EmulatorFixture::new().await;
    let address = fixture.server.address();
    let host = format!("{address}:{}", address.port());
    let client = Client { sent_host: host.clone(), signed_host: host, ..Client::of(&fixture) };
    assert_eq!(client.status(&fixture).await, "201");
}

#[tokio::test]
async fn js_1_0_0_signs_date_in_place_of_x_ms_date() {
    let fixture = EmulatorFixture::new().await;
    let client = Client { date_header: "date", ..Client::of(&fixture) };
    assert_eq!(client.status(&fixture).await, "201");
}

#[tokio::test]
async fn js_sends_a_retry_with_the_signature_of_the_first_try() {
    let fixture = EmulatorFixture::new().await;
    let bytes = Client::of(&fixture).wire(&fixture);
    for _ in 0..2 {
        assert_eq!(sent(&fixture, bytes.clone()).await, "201");
    }
}

#[tokio::test]
async fn java_signs_the_host_without_its_port_and_shows_what_it_signed() {
    let fixture = EmulatorFixture::new().await;
    let client = Client {
        signed_host: fixture.server.address().ip().to_string(),
        more: vec![
            format!("date: {}\r\n", rfc1123(now())),
            "x-ms-hmac-string-to-sign-base64: UE9TVA==\r\n".into(),
        ],
        body: "{}",
        ..Client::of(&fixture)
    };
    assert_eq!(client.status(&fixture).await, "201");
}

#[tokio::test]
async fn dotnet_sends_both_dates_and_signs_x_ms_date() {
    let fixture = EmulatorFixture::new().await;
    let client = Client {
        body: "{}",
        more: vec![
            // This header is not signed, so it must be ignored.
            "Date: Tue, 05 Mar 2024 07:08:09 GMT\r\n".into(),
            "x-ms-return-client-request-id: true\r\n".into(),
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n".into(),
        ],
        ..Client::of(&fixture)
    };
    assert_eq!(client.status(&fixture).await, "201");
}

#[tokio::test]
async fn a_host_that_is_only_like_the_one_sent_is_denied() {
    let fixture = EmulatorFixture::new().await;
    let port = fixture.server.address().port();
    for signed_host in [format!("localhost:{port}"), "127.0.0.1:1".into(), String::new()] {
        let client = Client { signed_host, ..Client::of(&fixture) };
        assert_eq!(client.status(&fixture).await, "401", "{}", client.signed_host);
    }
}
