//! From a subject identifier (RFC 9493, SSF 1.0 §3) to the users of this deployment.

use identity_core::identity::ExternalId;
use serde_json::Value;

use super::why_ignored::WhySetIgnored;
use crate::config::{MessageIssuer, SsfSettings};

/// The users that a subject names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SubjectUsers {
    /// At least one. There are two if the spelling of an address is not certain.
    Users(Vec<ExternalId>),
    Ignored(WhySetIgnored),
}

/// The users of the first of `subjects` that names some.
pub(super) fn users_of<'a>(
    subjects: impl Iterator<Item = &'a Value>,
    settings: &SsfSettings,
) -> SubjectUsers {
    let mut ignored = WhySetIgnored::UnmappedSubject;
    for subject in subjects {
        if has_unknown_critical_member(subject, &settings.critical_subject_members) {
            ignored = WhySetIgnored::CriticalSubjectMember;
            continue;
        }
        let users = users_of_one(subject, &settings.issuer);
        if !users.is_empty() {
            return SubjectUsers::Users(users);
        }
    }
    SubjectUsers::Ignored(ignored)
}

fn users_of_one(subject: &Value, issuer: &MessageIssuer) -> Vec<ExternalId> {
    match format_of(subject).as_str() {
        // Only the user counts. With a device or a session beside it, the event is about that
        // session: all tokens of the user are more than asked, and on the safe side.
        "complex" => {
            subject.get("user").map(|user| users_of_simple(user, issuer)).unwrap_or_default()
        }
        "aliases" => {
            let identifiers = subject.get("identifiers").and_then(Value::as_array);
            let users = identifiers.into_iter().flatten().map(|one| users_of_simple(one, issuer));
            users.into_iter().find(|users| !users.is_empty()).unwrap_or_default()
        }
        _ => users_of_simple(subject, issuer),
    }
}

/// The users of a subject that holds no others. Formats without a user of this deployment, such as
/// `phone_number`, `opaque`, `did`, `uri` and `jwt_id`, name none.
fn users_of_simple(subject: &Value, issuer: &MessageIssuer) -> Vec<ExternalId> {
    let text = |name: &str| subject.get(name).and_then(Value::as_str);
    match format_of(subject).as_str() {
        "iss_sub" => {
            let user = text("iss").zip(text("sub"));
            user.and_then(|(iss, sub)| issuer.user_of(iss, sub)).into_iter().collect()
        }
        "email" => text("email").map(|email| issuer.users_of_email(email)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The format. Drafts call it `subject_type` and write `iss-sub`; a subject without a format that
/// has a `user` is a complex one of the first drafts.
fn format_of(subject: &Value) -> String {
    let named = subject.get("format").or_else(|| subject.get("subject_type"));
    match named.and_then(Value::as_str) {
        Some(name) => name.replace('-', "_"),
        None if subject.get("user").is_some() => "complex".to_owned(),
        None => String::new(),
    }
}

/// SSF 1.0 §7.1: a receiver that does not understand a critical member discards the event.
fn has_unknown_critical_member(subject: &Value, critical: &[String]) -> bool {
    critical.iter().filter_map(|name| subject.get(name)).any(|member| {
        let format = format_of(member);
        !KNOWN_FORMATS.contains(&format.as_str())
    })
}

/// The formats of RFC 9493 and SSF 1.0 §3.2, in the spelling of [`format_of`].
const KNOWN_FORMATS: [&str; 12] = [
    "account",
    "aliases",
    "complex",
    "did",
    "email",
    "ip_addresses",
    "iss_sub",
    "jwt_id",
    "opaque",
    "phone_number",
    "saml_assertion_id",
    "uri",
];
