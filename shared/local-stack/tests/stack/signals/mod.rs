//! Tests of the simulated transmitters: what they send, what they can send wrong, and what the
//! functions learn about them.

mod streams;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::fixture::StackFixture;

/// The transmitters that push, each with its event and the `typ` of its messages.
const PUSHING: [(&str, &str, Option<&str>); 5] = [
    ("ssf", "session-revoked", Some("secevent+jwt")),
    ("logout", "logout", Some("logout+jwt")),
    ("universal-logout", "logout", Some("global-token-revocation+jwt")),
    ("apple", "consent-revoked", None),
    ("google", "account-disabled", None),
];

/// A message as the receiver got it.
struct ReceivedMessage {
    header: Value,
    claims: Value,
    genuine: bool,
    content_type: Value,
    authorization: Value,
    body: String,
}

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// Lets a transmitter send, and returns what the function behind the route got.
async fn receive(fixture: &StackFixture, name: &str, request: Value) -> ReceivedMessage {
    let (status, sent) = fixture.control(&format!("signals/{name}"), &request).await;
    assert_eq!((status, &sent["status"]), (200, &json!(200)), "{sent}");
    let echo = &sent["body"];
    assert_eq!(echo["id"], name);
    let body = echo["body"].as_str().unwrap().to_owned();
    let authorization = &echo["headers"]["authorization"];
    let token = match name {
        "logout" => body.strip_prefix("logout_token=").unwrap().to_owned(),
        "universal-logout" => {
            authorization.as_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned()
        }
        "apple" => {
            let body: Value = serde_json::from_str(&body).unwrap();
            body["payload"].as_str().unwrap().to_owned()
        }
        _ => body.clone(),
    };
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let json = |part| serde_json::from_slice(&decode(part)).unwrap();
    let genuine = is_signed(fixture, name, &format!("{header}.{claims}"), signature).await;
    ReceivedMessage {
        header: json(header),
        claims: json(claims),
        genuine,
        content_type: echo["headers"]["content-type"].clone(),
        authorization: authorization.clone(),
        body,
    }
}

/// Whether the key of the transmitter's key set signed `message`.
async fn is_signed(fixture: &StackFixture, name: &str, message: &str, signature: &str) -> bool {
    let url = format!("{}/transmitters/{name}/jwks", fixture.stack.console());
    let keys: Value = fixture.client.get(url).send().await.unwrap().json().await.unwrap();
    let part = |member: &str| decode(keys["keys"][0][member].as_str().unwrap());
    let key = RsaPublicKeyComponents { n: part("n"), e: part("e") };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(signature)).is_ok()
}

#[tokio::test]
async fn each_transmitter_sends_a_genuine_message_over_its_route() {
    let fixture = StackFixture::start().await;
    for (name, event, token_type) in PUSHING {
        let sent = receive(&fixture, name, json!({ "event": event, "sub": "alice" })).await;
        assert!(sent.genuine, "{name}");
        assert_eq!(sent.header["typ"].as_str(), token_type, "{name}");
        let issuer = format!("{}/transmitters/{name}", fixture.stack.console());
        assert_eq!(sent.claims["iss"], issuer);
        assert!(sent.claims["jti"].is_string() && sent.claims["iat"].is_number());
        let named = format!("{}{}", sent.claims, sent.body);
        assert!(named.contains("alice"), "{named}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn each_kind_has_the_form_that_its_specification_defines() {
    let fixture = StackFixture::start().await;
    let alice = json!({ "sub": "alice" });
    let issuer = |name: &str| format!("{}/transmitters/{name}", fixture.stack.console());

    let set = receive(&fixture, "ssf", alice.clone()).await;
    let caep = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let subject = json!({ "format": "iss_sub", "iss": issuer("ssf"), "sub": "alice" });
    assert_eq!((&set.claims["sub_id"], &set.claims["aud"]), (&subject, &json!("guestpass-ssf")));
    assert_eq!(set.claims["events"][caep]["event_timestamp"], set.claims["iat"]);
    assert_eq!((&set.claims["exp"], &set.claims["sub"]), (&Value::Null, &Value::Null));
    assert_eq!(set.content_type, "application/secevent+jwt");
    assert!(set.authorization.as_str().unwrap().starts_with("Bearer "));

    let logout = receive(&fixture, "logout", alice.clone()).await;
    let event = "http://schemas.openid.net/event/backchannel-logout";
    assert_eq!(
        (&logout.claims["sub"], &logout.claims["events"][event]),
        (&json!("alice"), &json!({}))
    );
    assert_eq!(logout.content_type, "application/x-www-form-urlencoded");

    let revocation = receive(&fixture, "universal-logout", alice.clone()).await;
    let endpoint = format!("{}/v1/signals/universal-logout", fixture.stack.gateway());
    assert_eq!(revocation.claims["aud"], endpoint);
    let body: Value = serde_json::from_str(&revocation.body).unwrap();
    assert_eq!(body["sub_id"]["sub"], "alice");

    let apple = receive(&fixture, "apple", alice.clone()).await;
    let events: Value = serde_json::from_str(apple.claims["events"].as_str().unwrap()).unwrap();
    assert_eq!((&events["type"], &events["sub"]), (&json!("consent-revoked"), &json!("alice")));
    let ms = apple.claims["iat"].as_i64().unwrap() * 1000;
    assert_eq!(events["event_time"], ms);

    let google = receive(&fixture, "google", alice).await;
    let risc = "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked";
    assert_eq!(google.claims["events"][risc]["subject"]["subject_type"], "iss-sub");
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_forged_message_differs_in_what_the_request_names() {
    let fixture = StackFixture::start().await;
    let forged = async |name: &str, valid: &str| {
        receive(&fixture, name, json!({ "sub": "alice", "valid": valid })).await
    };
    for (name, _, _) in PUSHING {
        assert!(!forged(name, "bad-signature").await.genuine, "{name}");
        assert_eq!(forged(name, "unknown-key").await.header["kid"], "unknown");
        let unsigned = forged(name, "unsigned").await;
        assert_eq!((unsigned.genuine, &unsigned.header["alg"]), (false, &json!("none")));
        assert_eq!(forged(name, "wrong-issuer").await.claims["iss"], "https://other.example");
        assert_eq!(forged(name, "wrong-audience").await.claims["aud"], "https://other.example");
        let nameless = forged(name, "no-subject").await;
        let named = format!("{}{}", nameless.claims, nameless.body);
        assert!(nameless.genuine && !named.contains("alice"), "{named}");
    }
    for name in ["ssf", "logout", "universal-logout"] {
        assert_eq!(forged(name, "wrong-type").await.header["typ"], "at+jwt");
    }
    for name in ["ssf", "logout", "universal-logout", "apple"] {
        let claims = forged(name, "expired").await.claims;
        let fresh = receive(&fixture, name, json!({ "sub": "alice" })).await.claims;
        let time = |claims: &Value, name: &str| claims[name].as_i64().unwrap();
        assert!(time(&claims, "exp") < time(&fresh, "iat"), "{name}");
        assert!(time(&claims, "iat") < time(&claims, "exp"), "{name}");
    }
    let other = forged("ssf", "wrong-credentials").await.authorization;
    let own = receive(&fixture, "ssf", json!({ "sub": "alice" })).await.authorization;
    assert_ne!(own, other);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_says_why() {
    let fixture = StackFixture::start().await;
    for (name, request, status, problem) in [
        (
            "nothing",
            json!({ "sub": "a" }),
            404,
            "unknown transmitter `nothing`: must be one of ssf,",
        ),
        ("ssf", json!({}), 400, "missing `sub`"),
        ("ssf", json!({ "sub": "a", "copies": 0 }), 400, "invalid value `0` for `copies`"),
        ("ssf", json!({ "sub": "a", "copies": 26 }), 400, "must be 1 to 25"),
        ("ssf", json!({ "sub": "a", "valid": "nonsense" }), 400, "unknown variant `nonsense`"),
        ("google", json!({ "sub": "a", "valid": "expired" }), 400, "google does not check this"),
        ("apple", json!({ "sub": "a", "valid": "wrong-type" }), 400, "apple does not check this"),
        ("logout", json!({ "sub": "a", "valid": "wrong-credentials" }), 400, "does not check"),
    ] {
        let (found, answer) = fixture.control(&format!("signals/{name}"), &request).await;
        assert_eq!(found, status, "{request}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(problem), "{answer}");
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn copies_of_a_message_have_the_same_id() {
    let fixture = StackFixture::start().await;
    let request = json!({ "sub": "alice", "jti": "one", "copies": 3, "event": "account-purged",
        "members": { "reason_admin": { "en": "left" } } });
    let sent = receive(&fixture, "ssf", request).await;
    let risc = "https://schemas.openid.net/secevent/risc/event-type/account-purged";
    assert_eq!(sent.claims["events"][risc]["reason_admin"], json!({ "en": "left" }));
    assert_eq!(sent.claims["jti"], "one");
    let url = format!("{}/_local/requests", fixture.stack.console());
    let seen: Value = fixture.client.get(url).send().await.unwrap().json().await.unwrap();
    let seen = seen["requests"].as_array().unwrap().iter();
    assert_eq!(seen.filter(|request| request["path"] == "/v1/signals/ssf").count(), 3);
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_function_gets_the_transmitters_and_the_secret_of_their_credentials() {
    let fixture = StackFixture::start().await;
    let echo: Value = fixture.get("/echo").await.json().await.unwrap();
    let configured = echo["transmitters"].as_str().unwrap();
    assert!(configured.len() <= 3000, "{}", configured.len());
    let configured: Value = serde_json::from_str(configured).unwrap();
    let listed = fixture.told("signals").await;
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|t| t["name"].clone()).collect()
    };
    let mut senders = names(&configured);
    assert_eq!(senders.pop().unwrap(), "scim", "any tool sends its requests");
    assert_eq!(senders, names(&listed["transmitters"]));
    assert_eq!(configured[0]["tokenIssuer"], fixture.stack.issuer());

    let told: Value = serde_json::from_str(
        &std::fs::read_to_string(fixture.directory.path().join("stack.json")).unwrap(),
    )
    .unwrap();
    let answer: Value = fixture
        .client
        .post(told["secretsManager"].as_str().unwrap())
        .header("x-amz-target", "secretsmanager.GetSecretValue")
        .body(json!({ "SecretId": echo["transmitterSecretArn"] }).to_string())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let secret: Value = serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap();
    let sent = receive(&fixture, "ssf", json!({ "sub": "alice" })).await;
    assert_eq!(secret["ssf"]["authorization"], sent.authorization);
    let scim = told["transmitters"].as_array().unwrap().last().unwrap();
    assert_eq!(secret["scim"]["token"], scim["token"]);
    assert_eq!(scim["url"], format!("{}/scim/v2", told["gateway"].as_str().unwrap()));
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_parameter_can_turn_the_transmitters_off() {
    // With several claims, only Entra can name a user.
    for (name, value, kinds) in
        [("Transmitters", "", &[][..]), ("SubjectClaims", "tid,oid", &["graph"])]
    {
        let fixture = StackFixture::with(|options| {
            options.parameters.insert(name.to_owned(), value.to_owned());
        })
        .await;
        let echo: Value = fixture.get("/echo").await.json().await.unwrap();
        let transmitters = echo["transmitters"].as_str().unwrap();
        let left: Vec<Value> = match transmitters {
            "" => Vec::new(),
            json => serde_json::from_str(json).unwrap(),
        };
        let left: Vec<_> = left.iter().map(|one| one["kind"].as_str().unwrap()).collect();
        assert_eq!(left, kinds, "{name}");
        fixture.stack.stop().await;
    }
}
