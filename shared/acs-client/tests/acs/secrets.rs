//! No printed text contains a key or a token.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use acs_client::{
    AcsIdentityClient, AppProof, BearerToken, Config, ConnectionString, ConnectionStrings,
    Credential, EntraApp, EntraAppCredential,
    sign::{Unsigned, sign},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use identity_core::secret::Secret;
use proptest::prelude::*;

use crate::support::{
    ClientFixture, KEY, ScriptedOperation, ScriptedReply, ScriptedServer, TOKEN, TestClock, chain,
};

fn assert_clean(text: &str) {
    for secret in [KEY, &KEY[..12], "CANARY", TOKEN, "HMAC-SHA256 ", "SignedHeaders"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn r50_no_error_and_no_debug_output_contains_a_secret() {
    let body_with_token = format!(r#"{{"identity":"x","accessToken":{{"token":"{TOKEN}"}}}}"#);
    let respond = |status| ScriptedReply::with(status, "", &body_with_token);
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{body_with_token}");
    let header = format!("HTTP/1.1 200 {TOKEN}\r\n{TOKEN}\r\n\r\n");
    let replies = [
        respond(200),
        respond(201),
        respond(302),
        respond(400),
        respond(401),
        respond(404),
        respond(429),
        respond(500),
        ScriptedReply::Close,
        ScriptedReply::Hang(String::new()),
        ScriptedReply::RespondAndClose(cut),
        ScriptedReply::RespondAndClose(header),
        ScriptedReply::RespondAndClose(TOKEN.to_owned()),
    ];
    for operation in ScriptedOperation::ALL {
        for reply in &replies {
            let fixture = ClientFixture::of(ScriptedServer::start([reply.clone()]), |config| {
                if matches!(reply, ScriptedReply::Hang(_)) {
                    config.limits.attempt = Duration::from_millis(50);
                }
            });
            let error = fixture.call(operation).await.unwrap_err();
            assert_clean(&chain(&error));
            assert_clean(&format!("{error:?}"));
            assert_clean(&format!("{:?}", fixture.acs));
        }
    }
}

proptest! {
    // Each case creates three HTTP clients.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn r51_no_value_with_a_key_or_a_token_prints_it(raw in "[!-~]{12,60}") {
        let key_in_base64 = STANDARD.encode(&raw);
        let raw_string = format!("endpoint=http://127.0.0.1:1/;accesskey={key_in_base64}");
        let connection_string: ConnectionString = raw_string.parse().unwrap();
        let key = connection_string.key.clone();
        let strings = ConnectionStrings {
            primary: connection_string.clone(),
            secondary: Some(connection_string.clone()),
        };
        let app = EntraApp {
            proof: AppProof::Secret(Secret::new(&raw)),
            tenant: "contoso.example".to_owned(),
            client_id: "app".to_owned(),
            authority: None,
            extra_roots_pem: None,
            uses_proxy: false,
        };
        let app_credential = EntraAppCredential::new(app.clone()).unwrap();
        let bearer = BearerToken {
            token: Secret::new(&raw),
            expires_on: SystemTime::UNIX_EPOCH,
        };
        let keys = Credential::keys(strings.clone(), strings.clone());
        let config = Config::new(connection_string.clone());
        let acs = AcsIdentityClient::new(config.clone(), TestClock::new()).unwrap();
        let unsigned = Unsigned {
            verb: "POST",
            path_and_query: "/teamsUser/:exchangeAccessToken?api-version=x",
            host: "127.0.0.1:1",
            date: "Tue, 05 Mar 2024 07:08:09 GMT",
            body: raw.as_bytes(),
        };
        let signed = sign(&key, unsigned);
        let signature = signed.authorization.expose().rsplit_once("Signature=").unwrap().1;
        let printed: [&dyn Debug; 12] = [
            &connection_string,
            &key,
            &strings,
            &app,
            &app_credential,
            &Credential::bearer(EntraAppCredential::new(app.clone()).unwrap()),
            &bearer,
            &keys,
            &config,
            &acs,
            &unsigned,
            &signed,
        ];
        let in_bytes = format!("{:?}", raw.as_bytes());
        for value in printed {
            let text = format!("{value:?} {value:#?}");
            for secret in [raw.as_str(), &key_in_base64, signature, in_bytes.trim_matches(['[', ']'])] {
                prop_assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

#[test]
fn an_unsigned_request_is_printed_without_its_body() {
    let request = Unsigned {
        verb: "POST",
        path_and_query: "/identities",
        host: "acs.example",
        date: "Tue, 05 Mar 2024 07:08:09 GMT",
        body: b"token",
    };
    let expected = r#"Unsigned { verb: "POST", path_and_query: "/identities", host: "acs.example", date: "Tue, 05 Mar 2024 07:08:09 GMT", .. }"#;
    assert_eq!(format!("{request:?}"), expected);
}
