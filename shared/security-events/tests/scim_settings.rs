//! The configuration of a transmitter of SCIM.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may die")]

use identity_core::identity::Issuer;
use scim_users::{SubjectAttribute, UserMapping};
use security_events::{AcceptedUsers, TransmitterSettings, Transmitters};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example";

fn mapping(members: &Value, subject_claims: &str) -> Result<UserMapping, String> {
    let users = AcceptedUsers {
        issuer: Issuer::parse(ISSUER).unwrap(),
        other_issuers: false,
        subject_claims: subject_claims.parse().unwrap(),
    };
    let mut transmitter = json!({ "name": "entra-scim", "kind": "scim" });
    transmitter.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let transmitters = Transmitters::parse(&json!([transmitter]).to_string(), &users)
        .map_err(|error| error.to_string())?;
    match &transmitters.find("entra-scim").unwrap().settings {
        TransmitterSettings::Scim(settings) => Ok(settings.mapping.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_external_id_is_the_subject_unless_another_attribute_is_configured() {
    let mapping = |subject: Option<&str>| {
        let mut members = json!({ "tokenIssuer": "https://idp.example/" });
        members["subject"] = subject.into();
        let members = members.as_object().unwrap().clone();
        let members: Value = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
        mapping(&members, "sub").unwrap()
    };
    for (subject, expected) in [
        (None, SubjectAttribute::ExternalId),
        (Some("externalId"), SubjectAttribute::ExternalId),
        (Some("userName"), SubjectAttribute::UserName),
        (Some("id"), SubjectAttribute::Id),
    ] {
        let expected =
            UserMapping { token_issuer: ISSUER.to_owned(), subject: expected, tenant: None };
        assert_eq!(mapping(subject), expected, "with the issuer in the spelling of the records");
    }
}

#[test]
fn the_users_of_entra_are_named_by_their_tenant_and_their_object() {
    let members = json!({ "tokenIssuer": ISSUER, "tenant": "t-1" });
    let mapping = mapping(&members, "tid,oid").unwrap();
    let user = mapping.external_id("o-1").unwrap();
    assert_eq!(user.as_str(), "https://idp.example|t-1|o-1");
}

#[test]
fn an_error_names_the_member_of_scim() {
    for (members, subject_claims, expected) in [
        (json!({}), "sub", "missing member `tokenIssuer`"),
        (json!({ "tokenIssuer": "https://x.example" }), "sub", "invalid member `tokenIssuer`"),
        (
            json!({ "tokenIssuer": ISSUER, "subject": "email" }),
            "sub",
            "`subject`: must be `externalId`",
        ),
        (
            json!({ "tokenIssuer": ISSUER, "tenant": "t-1" }),
            "sub",
            "invalid member `tenant`: must be left out",
        ),
        (json!({ "tokenIssuer": ISSUER }), "tid,oid", "missing member `tenant`"),
        (json!({ "tokenIssuer": ISSUER, "tenant": "t-1" }), "oid,tid", "several claims"),
        (json!({ "tokenIssuer": ISSUER, "audiences": ["a"] }), "sub", "unknown member `audiences`"),
    ] {
        let problem = mapping(&members, subject_claims).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }
}
