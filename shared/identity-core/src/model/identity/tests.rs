use super::*;

#[test]
fn scopes_are_one_or_more_each_once_and_known() {
    let scopes = Scopes::parse(["voip", "chat"]).unwrap();
    assert_eq!(scopes.as_slice(), [Scope::Chat, Scope::Voip]);
    for bad in [&[][..], &["chat", "chat"], &["root"], &["chat", ""], &["Chat"]] {
        assert_eq!(Scopes::parse(bad.iter().copied()), None, "{bad:?}");
    }
    for scope in Scope::ALL {
        assert_eq!(Scope::parse(scope.as_str()), Some(scope));
    }
}

#[test]
fn a_lifetime_is_an_hour_to_a_day() {
    for (minutes, ok) in [(59, false), (60, true), (1440, true), (1441, false), (65596, false)] {
        assert_eq!(Lifetime::from_minutes(minutes).is_some(), ok, "{minutes}");
    }
}

#[test]
fn the_same_subject_at_two_issuers_is_two_users() {
    let a = ExternalId::of_subject("https://a.example", "auth0|1").unwrap();
    let b = ExternalId::of_subject("https://b.example", "auth0|1").unwrap();
    assert_ne!(a, b);
    // Would collide with subject "x|y" of issuer "https://a.example".
    assert_eq!(ExternalId::of_subject("https://a.example|x", "y"), None);
    for (issuer, subject) in [("", "auth0|1"), ("https://a.example", ""), ("", "")] {
        assert_eq!(ExternalId::of_subject(issuer, subject), None, "{issuer}, {subject}");
    }
}

#[test]
fn a_subject_may_hold_anything_and_stays_itself() {
    let name = |subject| ExternalId::of_subject("https://a.example", subject).unwrap();
    assert_eq!(name("auth0|a b").as_str(), "https://a.example|auth0|a%20b");
    assert_eq!(name("é").as_str(), "https://a.example|%C3%A9");
    assert_ne!(name("a b"), name("a%20b"));
}

#[test]
fn r61_an_issuer_is_the_same_with_one_slash_more_and_in_capitals_and_no_other() {
    let issuer = Issuer::parse("https://idp.example/Tenant").unwrap();
    for (spelled, same) in [
        ("https://idp.example/Tenant", true),
        ("https://idp.example/Tenant/", true),
        ("HTTPS://IdP.Example/Tenant", true),
        ("https://idp.example/Tenant//", false),
        ("https://idp.example/tenant", false),
        ("http://idp.example/Tenant", false),
        ("https://idp.example", false),
        ("https://idp.example.evil/Tenant", false),
    ] {
        assert_eq!(issuer.is(spelled), same, "{spelled}");
    }
    let with_slash = Issuer::parse("https://tenant.eu.auth0.com/").unwrap();
    assert!(with_slash.is("https://tenant.eu.auth0.com"));
    assert!(!with_slash.is("https://tenant.eu.auth0.com//"));
    assert_eq!(with_slash.as_str(), "https://tenant.eu.auth0.com/");
    let short = Issuer::parse("https://a.b/Tenant").unwrap();
    assert!(!short.is("https://a.b/tenant"), "the path of a short host counts, too");
}

#[test]
fn r61_a_users_name_gets_the_spelling_of_one_of_several_issuers() {
    let issuers = ["https://a.example/", "https://a.example", "https://b.example/"];
    let issuers: Vec<_> = issuers.into_iter().filter_map(Issuer::parse).collect();
    for (raw, resolved) in [
        ("https://a.example/|1", Some("https://a.example/|1")),
        ("https://a.example|1", Some("https://a.example|1")),
        ("https://b.example|1", Some("https://b.example/|1")),
        ("https://c.example|1", None),
        ("crm-7", Some("crm-7")),
    ] {
        let user = ExternalId::parse(raw).unwrap();
        let name = Issuer::resolve_among(&issuers, user).ok();
        assert_eq!(name.as_ref().map(ExternalId::as_str), resolved, "{raw}");
    }
}

#[test]
fn r61_a_users_name_is_stored_in_the_configured_spelling() {
    let issuer = Issuer::parse("https://idp.example").unwrap();
    let resolve = |raw: &str| {
        let name = issuer.resolve(ExternalId::parse(raw).unwrap());
        name.map(|name| name.as_str().to_owned())
    };
    for (raw, resolved) in [
        ("https://idp.example|auth0|1", Ok("https://idp.example|auth0|1")),
        ("https://IDP.example/|auth0|1", Ok("https://idp.example|auth0|1")),
        ("https://idp.example//|1", Err(AnotherIssuer)),
        ("https://other.example|1", Err(AnotherIssuer)),
        ("HTTP://idp.example|1", Err(AnotherIssuer)),
        ("crm-7", Ok("crm-7")),
        ("generated|r-1", Ok("generated|r-1")),
    ] {
        assert_eq!(resolve(raw), resolved.map(ToOwned::to_owned), "{raw}");
    }
}

#[test]
fn a_scope_includes_the_narrower_ones() {
    for (had, asked, within) in [
        (["chat"], ["chat.join.limited"], true),
        (["chat.join"], ["chat.join.limited"], true),
        (["chat.join.limited"], ["chat.join"], false),
        (["chat.join"], ["chat"], false),
        (["voip"], ["voip.join"], true),
        (["voip.join"], ["voip"], false),
        (["chat"], ["voip.join"], false),
    ] {
        let (had, asked) = (Scopes::parse(had).unwrap(), Scopes::parse(asked).unwrap());
        assert_eq!(asked.is_within(&had), within, "{asked:?} of {had:?}");
    }
}

#[test]
fn an_external_id_cannot_pass_for_an_acs_id() {
    assert_eq!(ExternalId::parse("8:acs:1_2"), None);
    assert!(matches!(IdentityRef::parse("8:acs:1_2"), Some(IdentityRef::Acs(_))));
    assert!(matches!(IdentityRef::parse("alice"), Some(IdentityRef::External(_))));
    for bad in ["", " ", "a b", "8:", "8:acs:../../x", "é", &"x".repeat(1025)] {
        assert_eq!(IdentityRef::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn a_name_is_not_printed_by_accident() {
    let id = ExternalId::parse("alice@example.com").unwrap();
    assert_eq!(format!("{id:?}"), "ExternalId(…)");
}
