use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{
    error::Error,
    identity::{Lifetime, Scope, Scopes},
};

fn policy() -> Policy {
    serde_json::from_value(json!({
        "rules": [
            { "if": { "role": "guest" }, "scopes": ["voip.join"], "maxLifetimeMinutes": 90 },
            { "if": { "role": "staff", "tier": "gold" }, "scopes": ["chat", "voip", "voip.join"] },
        ],
        "otherwise": { "scopes": ["chat", "voip"], "maxLifetimeMinutes": 120 },
    }))
    .unwrap()
}

fn claims(pairs: &[(&str, &str)]) -> Claims {
    Claims::flattened(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn the_first_rule_that_matches_decides() {
    for (who, scopes) in [
        (&[("role", "guest")][..], &["voip.join"][..]),
        (&[("role", "[x guest]")], &["voip.join"]),
        (&[("role", "guests")], &["chat", "voip"]),
        (&[("role", "[x,guest]")], &["chat", "voip"]),
        (&[("role", "staff")], &["chat", "voip"]),
        (&[("role", "staff"), ("tier", "gold")], &["chat", "voip", "voip.join"]),
        (&[], &["chat", "voip"]),
    ] {
        let decided = policy().grant(&claims(who)).decide(None, None).unwrap();
        assert_eq!(Some(decided.scopes), Scopes::parse(scopes.iter().copied()), "{who:?}");
    }
}

/// Claims of Keycloak and Auth0, as their tokens have them.
#[test]
fn a_rule_reaches_lists_and_nested_claims_of_the_json_form() {
    let policy: Policy = serde_json::from_value(json!({
        "rules": [
            { "if": { "realm_access.roles": "staff", "email_verified": true }, "scopes": ["voip"] },
            { "if": { "https://example.com/teams": "On Call" }, "scopes": ["chat"] },
        ],
        "otherwise": { "scopes": ["voip.join"] },
    }))
    .unwrap();
    for (token, scope) in [
        (json!({ "realm_access": { "roles": ["x", "staff"] }, "email_verified": true }), "voip"),
        (json!({ "realm_access": { "roles": ["x", "staff"] } }), "voip.join"),
        (json!({ "realm_access": { "roles": "[staff]" }, "email_verified": true }), "voip.join"),
        (json!({ "https://example.com/teams": ["On Call"] }), "chat"),
        (json!({}), "voip.join"),
    ] {
        let claims = Claims::json(token.as_object().unwrap().clone());
        let granted = policy.grant(&claims).decide(None, None).unwrap();
        assert_eq!(Some(granted.scopes), Scopes::parse([scope]), "{token}");
    }
}

#[test]
fn a_rule_says_what_it_gives_and_to_whom() {
    let policy = policy();
    let guest = &policy.rules()[0];
    assert!(guest.condition().is_met_by(&claims(&[("role", "guest")])));
    let given = guest.grant().decide(None, None).unwrap();
    assert_eq!(Some(given.scopes), Scopes::parse(["voip.join"]));
}

#[test]
fn a_rule_may_name_the_resource_of_new_identities() {
    let policy: Policy = serde_json::from_value(json!({
        "rules": [
            { "if": { "role": "guest" }, "scopes": ["voip"], "resource": "eu2" },
            { "if": { "role": "staff" }, "scopes": ["voip"] },
        ],
        "otherwise": { "scopes": ["voip"], "resource": "main" },
    }))
    .unwrap();
    for (role, expected) in [("guest", Some("eu2")), ("staff", None), ("other", Some("main"))] {
        let claims = claims(&[("role", role)]);
        assert_eq!(policy.grant(&claims).resource().map(ResourceName::as_str), expected, "{role}");
    }
    let named: Vec<_> = policy.resources().map(ResourceName::as_str).collect();
    assert_eq!(named, ["eu2", "main"]);
}

#[test]
fn a_rule_that_gives_less_than_otherwise_is_named() {
    let below = |rules: serde_json::Value, otherwise: serde_json::Value| {
        let policy = json!({ "rules": rules, "otherwise": otherwise });
        let policy: Policy = serde_json::from_value(policy).unwrap();
        policy.rules_below_otherwise().collect::<Vec<_>>()
    };
    let rule = |scopes: &[&str], minutes: u64| json!({ "if": { "a": "b" }, "scopes": scopes, "maxLifetimeMinutes": minutes });
    let narrow = json!({ "scopes": ["voip.join"], "maxLifetimeMinutes": 60 });
    let rules = json!([rule(&["voip"], 60), rule(&["chat"], 90), rule(&["voip.join"], 60)]);
    assert_eq!(below(rules.clone(), narrow), [2]);
    let long = json!({ "scopes": ["voip.join"], "maxLifetimeMinutes": 61 });
    assert_eq!(below(rules, long), [1, 2, 3]);
    assert_eq!(Policy::default().rules_below_otherwise().count(), 0);
    assert_eq!(policy().rules().len(), 2);
    assert!(policy().rules_below_otherwise().eq([1]));
}

#[test]
fn asking_for_more_is_refused_not_cut_down() {
    let policy = policy();
    let guest = policy.grant(&claims(&[("role", "guest")]));
    assert!(matches!(guest.decide(Scopes::parse(["voip"]), None), Err(Error::BeyondPolicy)));
    let long = Lifetime::from_minutes(91);
    assert!(matches!(guest.decide(None, long), Err(Error::BeyondPolicy)));
    assert_eq!(guest.decide(None, Lifetime::from_minutes(90)).unwrap().lifetime.minutes(), 90);
}

#[test]
fn an_invalid_policy_is_refused() {
    for bad in [
        json!({ "otherwise": { "scopes": [] } }),
        json!({ "otherwise": { "scopes": ["root"] } }),
        json!({ "otherwise": { "scopes": ["chat"], "maxLifetimeMinutes": 59 } }),
        json!({ "otherwise": { "scopes": ["chat"], "defaultLifetimeMinutes": 90, "maxLifetimeMinutes": 60 } }),
        json!({ "rules": [{ "if": {}, "scopes": ["chat"] }] }),
        json!({ "rule": [] }),
    ] {
        assert!(serde_json::from_value::<Policy>(bad.clone()).is_err(), "{bad}");
    }
    let an_hour = json!({ "otherwise": { "scopes": ["chat"], "maxLifetimeMinutes": 60 } });
    assert!(serde_json::from_value::<Policy>(an_hour).is_ok(), "the default is not more");
}

proptest! {
    /// R11: a token never exceeds the rule, whatever the caller requests.
    #[test]
    fn r11_what_is_given_is_what_was_asked_and_never_more(
        asked in prop::collection::vec(0_usize..5, 0..6),
        minutes in 0_u64..2000,
        guest: bool,
    ) {
        let policy = policy();
        let grant = policy.grant(&if guest { claims(&[("role", "guest")]) } else { claims(&[]) });
        let scopes = Scopes::of(asked.iter().map(|&i| Scope::ALL[i]).collect());
        let lifetime = Lifetime::from_minutes(minutes);
        if let Ok(given) = grant.decide(scopes.clone(), lifetime) {
            prop_assert!(given.scopes.is_within(grant.scopes()));
            prop_assert!(given.lifetime <= grant.max_lifetime());
            prop_assert!(scopes.is_none_or(|asked| asked == given.scopes));
            prop_assert!(lifetime.is_none_or(|asked| asked == given.lifetime));
        }
    }
}
