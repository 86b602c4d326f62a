//! Every message gets a result, and the result quotes nothing from the message.

#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::{fs, path::Path};

use identity_core::identity::Issuer;
use identity_events::{EventSettings, Malformed, Reading, WhyIgnored, read};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example";

fn settings() -> EventSettings {
    EventSettings::of(Issuer::parse(ISSUER).unwrap())
}

fn ours(detail: &Value) -> Result<Reading, Malformed> {
    let envelope = json!({
        "id": "1",
        "source": "guestpass.identity",
        "detail-type": "user.disabled",
        "detail": detail,
    });
    read(&envelope.to_string(), &settings())
}

#[test]
fn an_error_names_the_field() {
    let at = "2026-11-20T08:00:00Z";
    for (detail, said) in [
        (json!({ "occurredAt": at }), "detail.externalId is missing"),
        (json!(["occurredAt", at]), "detail.externalId is missing"),
        (json!({ "externalId": "", "occurredAt": at }), "detail.externalId is missing"),
        (
            json!({ "externalId": "8:acs:1", "occurredAt": at }),
            "detail.externalId is not 1 to 1,024 visible ASCII characters that do not begin with 8: or guest|",
        ),
        (json!({ "subject": "alice", "occurredAt": at }), "detail.issuer is missing"),
        (json!({ "issuer": "https://i", "occurredAt": at }), "detail.subject is missing"),
        (
            json!({ "issuer": "a|b", "subject": "alice", "occurredAt": at }),
            "detail.issuer names an issuer whose tokens this deployment does not accept",
        ),
        (
            json!({ "acsId": "alice", "occurredAt": at }),
            "detail.acsId is not the id of an ACS identity",
        ),
        (json!({ "externalId": "alice" }), "detail.occurredAt is missing"),
        (
            json!({ "externalId": "alice", "occurredAt": 1_800_000_000 }),
            "detail.occurredAt is missing",
        ),
        (
            json!({ "externalId": "alice", "occurredAt": "yesterday" }),
            "detail.occurredAt is not an RFC 3339 time",
        ),
        (
            json!({ "externalId": "alice", "acsId": "8:acs:1", "occurredAt": at }),
            "detail names its user more than once: give externalId, issuer and subject, or acsId",
        ),
    ] {
        assert_eq!(ours(&detail).unwrap_err().to_string(), said, "{detail}");
    }
}

#[test]
fn a_body_without_an_envelope_is_malformed_and_an_unknown_source_is_ignored() {
    for body in ["", "null", "[]", "\"x\"", "{", "{\"source\":1}", "{}"] {
        assert!(read(body, &settings()).is_err(), "{body}");
    }
    for source in ["aws.s3", "guestpass", "aws.partner/auth0.com", "aws.partner/okta.community/x"] {
        let body = json!({ "source": source, "detail-type": "x", "detail": {} }).to_string();
        let Ok(Reading::Ignored { source: None, ignored }) = read(&body, &settings()) else {
            unreachable!("{source}");
        };
        assert_eq!(ignored.why, WhyIgnored::UnknownSource);
    }
}

#[test]
fn the_name_of_an_ignored_message_is_safe_to_log() {
    let name = format!("x\n{{\"level\":\"ERROR\"}}\u{1b}[31m{}", "y".repeat(100));
    let body = json!({ "source": name }).to_string();
    let Ok(Reading::Ignored { ignored, .. }) = read(&body, &settings()) else { unreachable!() };
    assert!(ignored.name.starts_with("xlevelERROR31my"));
    assert_eq!(ignored.name.len(), 64);
}

/// Takes every fixture, and removes or replaces each of its values, one at a time.
#[test]
fn a_missing_or_invalid_field_gives_a_result_that_quotes_nothing() {
    let mut read_so_far = 0;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for source in fs::read_dir(fixtures).unwrap() {
        for file in fs::read_dir(source.unwrap().path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let whole: Value = serde_json::from_str(&text).unwrap();
            for pointer in pointers(&whole, String::new()) {
                for odd in [json!(null), json!("canary\u{7}"), json!(-1), json!([]), json!([[{}]])]
                {
                    let mut other = whole.clone();
                    *other.pointer_mut(&pointer).unwrap() = odd;
                    if let Err(problem) = read(&other.to_string(), &settings()) {
                        let said = problem.to_string();
                        assert!(!said.contains("canary") && !said.contains('@'), "{said}");
                    }
                    read_so_far += 1;
                }
            }
        }
    }
    assert!(read_so_far > 5_000, "{read_so_far}");
}

/// The JSON pointers of all values in `value`.
fn pointers(value: &Value, here: String) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.replace('/', "~1"), field)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => vec![],
    };
    let below = children
        .into_iter()
        .flat_map(|(name, child)| pointers(child, format!("{here}/{name}")))
        .collect::<Vec<_>>();
    std::iter::once(here).chain(below).collect()
}

proptest! {
    #[test]
    fn any_text_gets_a_result(body in any::<String>(), issuer in any::<String>()) {
        if let Some(issuer) = Issuer::parse(&issuer) {
            let _ = read(&body, &EventSettings::of(issuer));
        }
    }

    #[test]
    fn any_subject_and_any_time_get_a_result(
        subject in any::<String>(),
        time in "\\PC*|[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})",
        reason in any::<String>(),
    ) {
        let detail = json!({ "issuer": ISSUER, "subject": subject, "occurredAt": time, "reason": reason });
        if let Ok(Reading::Events { events, .. }) = ours(&detail) {
            let at = events.first().unwrap().occurred_at;
            prop_assert_eq!(identity_core::event::Event::at_millisecond(at), at);
        }
    }
}
