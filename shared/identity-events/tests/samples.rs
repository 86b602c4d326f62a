//! Messages as providers really send them, from their documentation, schemas and recordings, with
//! synthetic names; and variants of them. `samples/expected.json` and `samples/variants.json` say
//! what each one means.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may die")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use identity_core::identity::{ExternalId, IdentityRef, Issuer};
use identity_events::{EventIssuers, EventSettings, Reading, read};
use serde::Deserialize;
use serde_json::{Value, json};

/// A message and its meaning.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sample {
    /// The file of the message.
    #[serde(alias = "from")]
    name: String,
    #[serde(default)]
    what: String,
    /// What differs from the file, as a JSON Merge Patch (RFC 7396).
    #[serde(default)]
    change: Value,
    issuer: String,
    #[serde(default)]
    issuers: Vec<String>,
    #[serde(default)]
    subject_claims: Option<String>,
    #[serde(default)]
    okta_subject: Option<String>,
    #[serde(default)]
    okta_app: Option<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    subjects: Vec<String>,
    /// The issuers of the users, if they are not of `issuer`.
    #[serde(default)]
    of: Value,
    /// The source of the events, if it is not that of the message.
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    ignored: Option<String>,
    #[serde(default)]
    malformed: Option<String>,
}

impl Sample {
    fn settings(&self) -> EventSettings {
        let issuer = |raw: &String| Issuer::parse(raw).unwrap();
        let claims = self.subject_claims.as_deref().map(|raw| raw.parse().unwrap());
        EventSettings {
            issuers: EventIssuers::new(issuer(&self.issuer), self.issuers.iter().map(issuer)),
            subject_claims: claims.unwrap_or_default(),
            okta_subject: self.okta_subject.as_deref().unwrap_or("both").parse().unwrap(),
            okta_app: self.okta_app.clone(),
        }
    }

    fn body(&self) -> String {
        let text = fs::read_to_string(directory().join(format!("{}.json", self.name))).unwrap();
        let mut message = serde_json::from_str(&text).unwrap();
        if !self.change.is_null() {
            merge(&mut message, &self.change);
        }
        message.to_string()
    }

    /// The meaning of the message in the form of the tables.
    fn meaning(&self) -> Value {
        match read(&self.body(), &self.settings()) {
            Err(error) => json!({ "malformed": error.to_string() }),
            Ok(Reading::Ignored { ignored, .. }) => json!({ "ignored": ignored.why.as_str() }),
            Ok(Reading::LookUp { .. }) => json!("look-up"),
            Ok(Reading::Events { events, .. }) => events
                .iter()
                .map(|event| {
                    let IdentityRef::External(user) = &event.identity else { panic!() };
                    json!([event.source.as_str(), event.kind.as_str(), user.as_str()])
                })
                .collect(),
        }
    }

    fn expected(&self) -> Value {
        if let Some(text) = &self.malformed {
            return json!({ "malformed": text });
        }
        if let Some(why) = &self.ignored {
            return json!({ "ignored": why });
        }
        let source = self.source.as_deref().unwrap_or(match self.name.split_once('/').unwrap().0 {
            "cognito" => "cognito",
            "okta" => "okta",
            _ => "auth0",
        });
        let of: Vec<&str> = match &self.of {
            Value::Null => vec![&self.issuer],
            Value::Array(issuers) => issuers.iter().map(|one| one.as_str().unwrap()).collect(),
            one => vec![one.as_str().unwrap()],
        };
        let users = of.iter().flat_map(|issuer| {
            self.subjects.iter().map(move |subject| format!("{issuer}|{subject}"))
        });
        let users: Vec<String> = users.collect();
        assert!(users.iter().all(|user| ExternalId::parse(user).is_some()), "{}", self.name);
        let events = self
            .kinds
            .iter()
            .flat_map(|kind| users.iter().map(move |user| json!([source, kind, user])));
        let events: Value = events.collect();
        assert_ne!(events, json!([]), "{}: no meaning is expected", self.name);
        events
    }
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn table(name: &str) -> Vec<Sample> {
    serde_json::from_str(&fs::read_to_string(directory().join(name)).unwrap()).unwrap()
}

/// RFC 7396: `null` removes a member.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in members {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[test]
fn each_sample_means_what_is_expected() {
    for sample in table("expected.json") {
        assert_eq!(sample.meaning(), sample.expected(), "{}", sample.name);
    }
}

#[test]
fn each_variant_means_what_is_expected() {
    for variant in table("variants.json") {
        assert_eq!(variant.meaning(), variant.expected(), "{}", variant.what);
    }
}

#[test]
fn the_time_of_an_event_is_that_of_the_provider_or_of_the_envelope() {
    let at = |name: &str, change: Value| {
        let samples = table("expected.json");
        let mut sample = samples.into_iter().find(|sample| sample.name == name).unwrap();
        sample.change = change;
        let Ok(Reading::Events { events, .. }) = read(&sample.body(), &sample.settings()) else {
            panic!("{name}")
        };
        let since = events.first().unwrap().occurred_at.duration_since(std::time::UNIX_EPOCH);
        since.unwrap().as_millis()
    };
    let (provider, envelope) = (1_791_191_553_207, 1_791_191_560_000);
    assert_eq!(at("auth0-logs/slo", Value::Null), provider);
    assert_eq!(at("auth0-logs/slo-without-date", Value::Null), envelope);
    assert_eq!(at("auth0-events/user-updated-blocked", Value::Null), provider);
    let without = json!({ "detail": { "time": null } });
    assert_eq!(at("auth0-events/user-updated-blocked", without), envelope);
}

/// Without this test, a file that is in no table would seem to be tested.
#[test]
fn every_sample_is_in_the_table() {
    let named: BTreeSet<String> =
        table("expected.json").into_iter().map(|sample| sample.name).collect();
    let mut there = BTreeSet::new();
    for folder in ["auth0-events", "auth0-logs", "cognito", "okta"] {
        for file in fs::read_dir(directory().join(folder)).unwrap() {
            let file = file.unwrap().path();
            there.insert(format!("{folder}/{}", file.file_stem().unwrap().to_str().unwrap()));
        }
    }
    assert_eq!(named, there);
}
