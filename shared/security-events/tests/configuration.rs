//! The configuration of the transmitters and of their secrets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may die")]

use identity_core::event::{EventMode, EventSource};
use identity_core::identity::{ExternalId, Issuer};
use identity_core::secret::Secret;
use security_events::{
    AcceptedUsers, MessageIssuer, SsfDelivery, TransmitterSecrets, TransmitterSettings,
    Transmitters,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example";

fn users() -> AcceptedUsers {
    AcceptedUsers {
        issuer: Issuer::parse(ISSUER).unwrap(),
        other_issuers: false,
        subject_claims: "sub".parse().unwrap(),
    }
}

fn ssf() -> Value {
    json!({
        "name": "okta",
        "kind": "ssf",
        "issuer": "https://org.idp.example",
        "audiences": ["https://guestpass.example/ssf"],
        "tokenIssuer": "https://idp.example/",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut transmitter = ssf();
    transmitter.as_object_mut().unwrap().insert(name.to_owned(), value);
    transmitter
}

fn without(name: &str) -> Value {
    let mut transmitter = ssf();
    transmitter.as_object_mut().unwrap().remove(name);
    transmitter
}

fn parse(transmitters: &Value, users: &AcceptedUsers) -> Result<Transmitters, String> {
    Transmitters::parse(&transmitters.to_string(), users).map_err(|error| error.to_string())
}

fn issuer_of(transmitter: &Value, users: &AcceptedUsers) -> MessageIssuer {
    let transmitters = parse(&json!([transmitter]), users).unwrap();
    match &transmitters.find("okta").unwrap().settings {
        TransmitterSettings::Ssf(settings) => settings.issuer.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_transmitter_is_found_by_its_name_and_applied_by_default() {
    let shadow = json!({
        "name": "b-2", "kind": "ssf", "mode": "shadow", "issuer": ISSUER, "audiences": ["a"],
        "jwksUri": "https://keys.example/jwks", "claims": ["role"],
        "criticalSubjectMembers": ["tenant"],
    });
    let transmitters = parse(&json!([ssf(), shadow]), &users()).unwrap();
    let okta = transmitters.find("okta").unwrap();
    assert_eq!((okta.mode, okta.settings.source()), (EventMode::Apply, EventSource::Ssf));
    let other = transmitters.find("b-2").unwrap();
    assert_eq!(other.mode, EventMode::Shadow);
    let TransmitterSettings::Ssf(settings) = &other.settings else { panic!() };
    assert_eq!(settings.issuer.jwks_uri.as_deref(), Some("https://keys.example/jwks"));
    assert_eq!(settings.claims.as_deref(), Some(["role".to_owned()].as_slice()));
    assert_eq!(settings.critical_subject_members, ["tenant"]);
    assert_eq!(transmitters.find("c"), None);
    assert_eq!(transmitters.iter().count(), 2);
}

#[test]
fn an_error_names_the_index_and_the_member() {
    for (transmitter, expected) in [
        (json!("okta"), "must be a JSON object"),
        (without("name"), "missing member `name`"),
        (without("kind"), "missing member `kind`"),
        (without("issuer"), "missing member `issuer`"),
        (without("audiences"), "missing member `audiences`"),
        (with("name", json!("Okta")), "invalid member `name`: must be 1 to 32 lower-case"),
        (with("name", json!("a".repeat(33))), "invalid member `name`"),
        (with("name", json!("")), "invalid member `name`: must be a text that is not empty"),
        (with("kind", json!("okta")), "invalid member `kind`: must be one of ssf, back-channel-"),
        (with("mode", json!("off")), "invalid member `mode`: must be apply or shadow"),
        (with("issuer", json!("http://idp.example")), "invalid member `issuer`: must be an https"),
        (with("jwksUri", json!("ftp://x")), "invalid member `jwksUri`: must be an https URL"),
        (with("audiences", json!("a")), "invalid member `audiences`: must be an array of texts"),
        (with("audiences", json!([])), "invalid member `audiences`"),
        (with("audiences", json!([""])), "invalid member `audiences`"),
        (with("claims", json!([1])), "invalid member `claims`"),
        (with("emailIsSubject", json!("yes")), "`emailIsSubject`: must be true or false"),
        (with("tokenIssuer", json!("https://x.example")), "invalid member `tokenIssuer`: must be"),
        (with("delivery", json!("pull")), "invalid member `delivery`: must be push or poll"),
        (with("delivery", json!("poll")), "missing member `pollUrl`"),
        (with("pollUrl", json!("https://x.example")), "unknown member `pollUrl`"),
        (with("audience", json!("a")), "unknown member `audience`"),
    ] {
        let problem = parse(&json!([ssf(), transmitter]), &users()).unwrap_err();
        let prefix = "the environment variable TRANSMITTERS is invalid at index 1: ";
        let why = problem.strip_prefix(prefix).unwrap_or_else(|| panic!("{problem}"));
        assert!(why.contains(expected), "{why}");
    }
    let twice = parse(&json!([ssf(), ssf()]), &users()).unwrap_err();
    assert!(twice.contains("at index 1: the `name` is used twice"), "{twice}");
    for no_array in [json!({}), json!("x")] {
        let problem = parse(&no_array, &users()).unwrap_err();
        assert!(problem.contains("TRANSMITTERS is invalid: must be a JSON array"), "{problem}");
    }
}

#[test]
fn messages_are_pushed_unless_a_url_says_where_to_fetch_them() {
    let delivery = |transmitter: Value| {
        let transmitters = parse(&json!([transmitter]), &users())?;
        match &transmitters.find("okta").unwrap().settings {
            TransmitterSettings::Ssf(settings) => Ok::<_, String>(settings.delivery.clone()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(delivery(ssf()), Ok(SsfDelivery::Push));
    assert_eq!(delivery(with("delivery", json!("push"))), Ok(SsfDelivery::Push));
    let poll = |url: &str| {
        let mut transmitter = with("delivery", json!("poll"));
        transmitter["pollUrl"] = json!(url);
        delivery(transmitter)
    };
    let url = "https://idp.example/poll".to_owned();
    assert_eq!(poll(&url), Ok(SsfDelivery::Poll { url }));
    let problem = poll("http://idp.example/poll").unwrap_err();
    assert!(problem.contains("invalid member `pollUrl`: must be an https URL"), "{problem}");
}

#[test]
fn the_longest_name_is_accepted() {
    assert!(parse(&json!([with("name", json!("a".repeat(32)))]), &users()).is_ok());
}

#[test]
fn several_subject_claims_are_refused_for_messages_with_one_value() {
    let users = AcceptedUsers { subject_claims: "tid,oid".parse().unwrap(), ..users() };
    let problem = parse(&json!([ssf()]), &users).unwrap_err();
    assert!(problem.contains("`SubjectClaims` has several claims"), "{problem}");
}

#[test]
fn the_environment_says_whose_tokens_are_accepted() {
    let raw = json!([with("tokenIssuer", json!("https://x.example"))]).to_string();
    let from_env = |transmitters: &str, others: &str, issuer: &str| {
        Transmitters::from_env(&|name: &str| match name {
            "TRANSMITTERS" => Some(transmitters.to_owned()),
            "OTHER_ISSUERS" => Some(others.to_owned()),
            "ISSUER" => Some(issuer.to_owned()),
            _ => None,
        })
    };
    assert!(from_env(&raw, "", ISSUER).is_err());
    assert!(from_env(&raw, "yes", "").unwrap_err().to_string().contains("ISSUER is not set"));
    assert_eq!(from_env(&raw, "yes", ISSUER).unwrap().iter().count(), 1);
    assert_eq!(from_env(" ", "", ISSUER).unwrap(), Transmitters::default());
    assert_eq!(from_env("", "", "").unwrap(), Transmitters::default());
}

#[test]
fn a_subject_names_a_user_of_the_bearers_issuer_in_the_spelling_of_the_record() {
    let issuer = issuer_of(&ssf(), &users());
    let user = |value: &str| ExternalId::of_subject(ISSUER, value);
    assert_eq!(issuer.user_of("https://org.idp.example", "00u1"), user("00u1"));
    assert_eq!(issuer.user_of("https://idp.example/", "00u1"), user("00u1"));
    assert_eq!(issuer.user_of("https://org.idp.example/", "00u1"), None, "letter by letter");
    assert_eq!(issuer.user_of("https://other.example", "00u1"), None);
    assert_eq!(issuer.user_of(ISSUER, ""), None);
    let own = with("issuer", json!(ISSUER));
    let own = issuer_of(&own, &users());
    assert_eq!(own.user_of(ISSUER, "a"), user("a"));
}

#[test]
fn an_address_names_a_user_only_if_addresses_are_known() {
    let by_email = AcceptedUsers { subject_claims: "email".parse().unwrap(), ..users() };
    let user = |value: &str| ExternalId::of_subject(ISSUER, value).unwrap();
    for (transmitter, users, are_known) in [
        (ssf(), users(), false),
        (with("emailIsSubject", json!(true)), users(), true),
        (ssf(), by_email.clone(), true),
        (with("emailIsSubject", json!(false)), by_email, false),
    ] {
        let issuer = issuer_of(&transmitter, &users);
        let both = vec![user("Al@Example.com"), user("Al@example.com")];
        let expected = if are_known { both } else { vec![] };
        assert_eq!(issuer.users_of_email("Al@Example.com"), expected);
        let one = if are_known { vec![user("al@example.com")] } else { vec![] };
        assert_eq!(issuer.users_of_email("al@example.com"), one);
        assert_eq!(issuer.users_of_email("al"), []);
    }
}

#[test]
fn an_audience_is_a_text_or_one_of_several() {
    let issuer = issuer_of(&with("audiences", json!(["a", "b"])), &users());
    for (aud, is_ours) in [
        (json!("b"), true),
        (json!(["x", "a"]), true),
        (json!(["x"]), false),
        (json!("ab"), false),
        (json!({"a": 1}), false),
        (Value::Null, false),
    ] {
        assert_eq!(issuer.is_addressed_by(Some(&aud)), is_ours, "{aud}");
    }
    assert!(!issuer.is_addressed_by(None));
}

#[test]
fn r50_a_secret_is_compared_and_never_printed() {
    let text = Secret::new(r#"{"okta": {"authorization": "Bearer x"}, "entra": {}}"#);
    let secrets = TransmitterSecrets::parse(&text).unwrap();
    assert_eq!(secrets.matches("okta", "authorization", "Bearer x"), Some(true));
    assert_eq!(secrets.matches("okta", "authorization", "Bearer y"), Some(false));
    assert_eq!(secrets.matches("okta", "authorization", ""), Some(false));
    assert_eq!(secrets.matches("okta", "token", "Bearer x"), None);
    assert_eq!(secrets.matches("entra", "authorization", "Bearer x"), None);
    assert_eq!(secrets.get("okta", "authorization").unwrap().expose(), "Bearer x");
    let mut names: Vec<_> = secrets.names().collect();
    names.sort_unstable();
    assert_eq!(names, ["entra", "okta"]);
    assert_eq!(format!("{secrets:?}"), "TransmitterSecrets(…)");
    for bad in ["", "[]", r#"{"okta": "x"}"#, r#"{"okta": {"a": 1}}"#, r#"{"okta": {"a": ""}}"#] {
        let problem = TransmitterSecrets::parse(&Secret::new(bad)).unwrap_err().to_string();
        assert!(problem.contains("must be a JSON object"), "{problem}");
    }
}
