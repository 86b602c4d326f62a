//! What the functions read from a request, and which requests they refuse.

use std::time::Duration;

use api_types::ProblemType;
use identity_core::{
    exchange_teams_token::EntraUser,
    identity::{IdentityRef, SubjectClaims},
    ports::{Clock, SystemClock},
    record::State,
    testing::{ManualClock, MemoryIdentityStore, record},
};
use lambda_edge::{
    Access, Addressed, InvitationRules, invocation, query,
    testing::{TestRequest, access, access_in, env},
};
use lambda_http::{Context, Request, RequestExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

fn own() -> TestRequest {
    TestRequest::new("POST /v1/token")
}

#[test]
fn the_caller_is_the_subject_that_the_authorizer_verified() {
    let caller =
        |event: TestRequest| access().user(&event.request()).map_err(|problem| problem.kind());
    let event = own().claim("email", "alice@example.com");
    let alice = caller(event).ok().unwrap();
    assert_eq!(alice.user().as_str(), TestRequest::ALICE);
    assert_eq!(alice.claims().text("email").as_deref(), Some("alice@example.com"));
    for event in [own().without_authorizer(), own().claim("sub", ""), own().claim("iss", "")] {
        assert_eq!(caller(event).err(), Some(ProblemType::UNAUTHENTICATED));
    }
    assert_eq!(access().user(&Request::default()).err(), Some(ProblemType::UNAUTHENTICATED.into()));
}

/// The claims of `alice` as a Lambda authorizer passes them, with `changes`.
fn with_json_claims(changes: &Value) -> TestRequest {
    let mut claims = json!({ "iss": "https://idp.example", "sub": "alice", "iat": 1_800_000_600 });
    if let (Some(claims), Some(changes)) = (claims.as_object_mut(), changes.as_object()) {
        claims.extend(changes.clone());
    }
    own().json_claims(&claims)
}

#[test]
fn the_caller_is_the_same_whichever_authorizer_verified_the_token() {
    let caller = |event: TestRequest| access().user(&event.request());
    let alice = caller(with_json_claims(&json!({ "scope": "guestpass.token" }))).ok().unwrap();
    assert_eq!(alice.user().as_str(), TestRequest::ALICE);
    assert_eq!(alice.bearer(), caller(own()).ok().unwrap().bearer());
    for changes in [json!({ "sub": null }), json!({ "sub": ["alice"] }), json!({ "iss": "" })] {
        let refused = caller(with_json_claims(&changes)).err().unwrap().kind();
        assert_eq!(refused, ProblemType::UNAUTHENTICATED, "{changes}");
    }
}

#[test]
fn r53_a_request_with_two_authorizers_or_with_another_context_has_no_caller() {
    let claims =
        json!({ "iss": "https://idp.example", "sub": "alice", "scope": "guestpass.token" });
    for (context, refused) in [
        (json!({ "lambda": { "claims": claims } }), None),
        (json!({ "jwt": { "claims": claims } }), None),
        (
            json!({ "jwt": { "claims": claims }, "lambda": { "claims": claims } }),
            Some(ProblemType::UNAUTHENTICATED),
        ),
        (
            json!({ "jwt": { "claims": claims }, "lambda": { "claims": "x" } }),
            Some(ProblemType::UNAUTHENTICATED),
        ),
        (json!({ "lambda": claims }), Some(ProblemType::UNAUTHENTICATED)),
        (json!({ "lambda": { "claims": claims.to_string() } }), Some(ProblemType::UNAUTHENTICATED)),
        (json!({ "iam": { "accountId": "1" } }), Some(ProblemType::UNAUTHENTICATED)),
        (json!({}), Some(ProblemType::UNAUTHENTICATED)),
    ] {
        let found = access().user(&own().authorizer(context.clone()).request());
        assert_eq!(found.err().map(|problem| problem.kind()), refused, "{context}");
    }
}

/// Claims of Microsoft Entra. The subject differs between apps, and the issuer between the
/// versions of the token.
#[test]
fn the_claims_that_name_a_user_are_configured() {
    let entra = |name: &str| match name {
        "SUBJECT_CLAIMS" => Some("tid,oid".to_owned()),
        name => env(name),
    };
    let user = |issuer: &str, audience: &str, subject: &str| {
        let claims = json!({
            "iss": issuer, "aud": audience, "sub": subject, "tid": "tenant", "oid": "carol",
            "scp": "guestpass.token",
        });
        let caller = access_in(&entra).user(&own().json_claims(&claims).request());
        caller.ok().unwrap().user().as_str().to_owned()
    };
    let v2 = "https://login.microsoftonline.com/tenant/v2.0";
    assert_eq!(user(v2, "app-1", "pairwise-1"), format!("{v2}|tenant|carol"));
    assert_eq!(user(v2, "app-1", "pairwise-1"), user(v2, "app-2", "pairwise-2"));
    // The hash of a caller in the log has the same claims on the routes for invitations.
    let inviting = InvitationRules::from_env(&entra).unwrap();
    assert_eq!(inviting.subject_claims(), &"tid,oid".parse::<SubjectClaims>().unwrap());
    let v1 = "https://sts.windows.net/tenant/";
    assert_ne!(user(v1, "app-1", "pairwise-1"), user(v2, "app-1", "pairwise-1"));

    let refused = access_in(&entra).user(&own().request()).err().unwrap();
    assert_eq!(refused.kind(), ProblemType::UNAUTHENTICATED);
    assert!(refused.detail().contains("the claim `tid` is missing"), "{refused:?}");
    let empty = |name: &str| match name {
        "SUBJECT_CLAIMS" => Some(String::new()),
        name => env(name),
    };
    let alice = access_in(&empty).user(&own().request()).ok().unwrap();
    assert_eq!(alice.user().as_str(), TestRequest::ALICE);
    let invalid = |name: &str| match name {
        "SUBJECT_CLAIMS" => Some("sub,sub".to_owned()),
        name => env(name),
    };
    let error = Access::from_env(&invalid).err().unwrap().to_string();
    assert!(error.contains("SUBJECT_CLAIMS is invalid: must be one to five"), "{error}");
}

#[test]
fn a_scope_is_a_whole_word_of_the_claim_scope_or_scp() {
    for (claim, value, carried) in [
        ("scope", "guestpass.token x", true),
        ("scp", "x guestpass.token", true),
        ("scope", "[x guestpass.token]", true),
        ("scope", "guestpass.tokens", false),
        ("scope", "", false),
        ("roles", "guestpass.token", false),
    ] {
        let event = own().claim("scope", "").claim(claim, value);
        let found = access().user(&event.request()).err();
        assert_eq!(found, (!carried).then_some(ProblemType::FORBIDDEN.into()), "{claim}: {value}");
    }
}

#[test]
fn a_scope_of_the_json_form_is_a_word_of_text_or_an_element_of_an_array() {
    for (claims, carried) in [
        (json!({ "scope": "x guestpass.token" }), true),
        (json!({ "scope": ["x", "guestpass.token"] }), true),
        (json!({ "scp": "guestpass.token" }), true),
        (json!({ "scp": ["guestpass.token"] }), true),
        (json!({ "scope": "", "scp": ["guestpass.token"] }), true),
        (json!({ "scp": "[x guestpass.token]" }), false),
        (json!({ "scp": ["x guestpass.token"] }), false),
        (json!({ "permissions": ["guestpass.token"] }), false),
        (json!({}), false),
    ] {
        let found = access().user(&with_json_claims(&claims).request()).err();
        assert_eq!(found, (!carried).then_some(ProblemType::FORBIDDEN.into()), "{claims}");
    }
}

#[tokio::test]
async fn without_a_token_scope_the_audience_is_enough_for_the_callers_own_identity_only() {
    let (store, clock) = (MemoryIdentityStore::default(), ManualClock::default());
    let no_scope = |name: &str| match name {
        "TOKEN_SCOPE" => Some(String::new()),
        name => env(name),
    };
    let access = access_in(&no_scope);
    for event in [own().claim("scope", ""), with_json_claims(&json!({}))] {
        assert!(access.user(&event.request()).is_ok());
    }
    let refused = access.administrator(&store, &clock, &own().claim("scope", "").request()).await;
    assert_eq!(refused.err(), Some(ProblemType::FORBIDDEN.into()));
    assert_eq!(
        access.user(&own().without_authorizer().request()).err(),
        Some(ProblemType::UNAUTHENTICATED.into())
    );
}

#[test]
fn the_scope_of_administrators_must_not_be_empty_and_that_of_users_must_be_set() {
    let changed = |changed: &'static str, value: Option<&'static str>| {
        let env =
            |name: &str| if name == changed { value.map(ToOwned::to_owned) } else { env(name) };
        Access::from_env(&env).err().map(|error| error.to_string())
    };
    let not_set = |name: &str| Some(format!("the environment variable {name} is not set"));
    assert_eq!(changed("ADMIN_SCOPE", Some("")), not_set("ADMIN_SCOPE"));
    assert_eq!(changed("TOKEN_SCOPE", None), not_set("TOKEN_SCOPE"));
    assert_eq!(changed("TOKEN_SCOPE", Some("")), None);
}

#[tokio::test]
async fn an_administrator_needs_the_scope_and_the_condition_and_is_not_blocked() {
    let clock = ManualClock::default();
    let blocked = record(TestRequest::ALICE, State::Blocked { acs_id: None }, clock.now());
    let (empty, blocked) = (MemoryIdentityStore::default(), MemoryIdentityStore::with([blocked]));
    let no_condition = |name: &str| env(name).filter(|_| name != "ADMIN_CONDITION");
    for (access, store, event, refused) in [
        (access(), &empty, own(), None),
        (access(), &empty, own().claim("scope", "guestpass.token"), Some(ProblemType::FORBIDDEN)),
        (access(), &empty, own().claim("role", "user"), Some(ProblemType::NOT_AN_ADMINISTRATOR)),
        (access_in(&no_condition), &empty, own(), Some(ProblemType::NOT_AN_ADMINISTRATOR)),
        (access(), &blocked, own(), Some(ProblemType::BLOCKED)),
    ] {
        let found = access.administrator(store, &clock, &event.request()).await;
        assert_eq!(found.err().map(|problem| problem.kind()), refused, "{event:?}");
    }
}

#[tokio::test]
async fn r52_an_administrator_of_another_issuer_must_be_named_with_that_issuer() {
    let (store, clock) = (MemoryIdentityStore::default(), ManualClock::default());
    let with = |condition: &'static str| {
        access_in(&move |name: &str| match name {
            "ADMIN_CONDITION" => Some(condition.to_owned()),
            "OTHER_ISSUERS" => Some("yes".to_owned()),
            name => env(name),
        })
    };
    let role = r#"{"role": "guestpass-admin"}"#;
    let role_of_issuer = r#"{"role": "guestpass-admin", "iss": "https://other.example"}"#;
    for (condition, issuer, is_accepted) in [
        (role, "https://idp.example", true),
        (role, "https://other.example", false),
        (role_of_issuer, "https://other.example", true),
        (role_of_issuer, "https://idp.example", false),
    ] {
        let event = own().claim("iss", issuer).request();
        let found = with(condition).administrator(&store, &clock, &event).await;
        let refused = (!is_accepted).then_some(ProblemType::NOT_AN_ADMINISTRATOR);
        assert_eq!(found.err().map(|problem| problem.kind()), refused, "{condition}, {issuer}");
    }
}

/// R15: the claims `oid` and `tid` mean a user of Entra only in a token of Entra, or of the issuer
/// that the operator chose as the main one.
#[test]
fn r15_an_entra_user_is_named_by_entra_for_that_tenant_or_by_the_main_issuer() {
    let several = |name: &str| match name {
        "OTHER_ISSUERS" => Some("yes".to_owned()),
        name => env(name),
    };
    let access = access_in(&several);
    for (issuer, is_named) in [
        ("https://idp.example", true),
        ("https://login.microsoftonline.com/tenant/v2.0", true),
        ("https://sts.windows.net/tenant/", true),
        ("https://login.microsoftonline.us/tenant/v2.0", true),
        ("https://other.example", false),
        ("https://login.microsoftonline.com/another/v2.0", false),
        ("https://login.microsoftonline.com/tenant/v2.0/", false),
        ("https://login.microsoftonline.com.other.example/tenant/v2.0", false),
        ("https://login.microsoftonline.com//v2.0", false),
    ] {
        let claims = json!({
            "iss": issuer, "sub": "alice", "tid": "tenant", "oid": "carol", "scp": "guestpass.token",
        });
        let caller = access.user(&own().json_claims(&claims).request()).ok().unwrap();
        let EntraUser { oid, tid } = access.entra_user(&caller);
        let expected = if is_named { ("carol", "tenant") } else { ("", "") };
        assert_eq!((&*oid, &*tid), expected, "{issuer}");
    }
}

#[tokio::test]
async fn a_route_with_an_id_is_about_that_identity_and_one_without_is_about_the_caller() {
    let (store, clock) = (MemoryIdentityStore::default(), ManualClock::default());
    let whose = async |event: TestRequest| {
        let addressed = access().addressed(&store, &clock, &event.request()).await;
        let addressed = addressed.map_err(|problem| problem.kind())?;
        let is_own = matches!(addressed, Addressed::Own(_));
        match addressed.into() {
            IdentityRef::Acs(id) => Ok((is_own, id.as_str().to_owned())),
            IdentityRef::External(id) => Ok((is_own, id.as_str().to_owned())),
        }
    };
    assert_eq!(whose(own()).await, Ok((true, TestRequest::ALICE.to_owned())));
    let named = |id| TestRequest::new("GET /v1/identities/{id}").id(id);
    assert_eq!(whose(named("8:acs:1")).await, Ok((false, "8:acs:1".to_owned())));
    assert_eq!(whose(named("bob")).await, Ok((false, "bob".to_owned())));
    assert_eq!(whose(named("8:")).await, Err(ProblemType::NOT_FOUND));
    assert_eq!(whose(named("https://other.example|bob")).await, Err(ProblemType::ANOTHER_ISSUER));
    let as_user = |event: TestRequest| event.claim("scope", "guestpass.token");
    assert_eq!(whose(as_user(named("bob"))).await, Err(ProblemType::FORBIDDEN));
    assert_eq!(whose(own().claim("scope", "guestpass.admin")).await, Err(ProblemType::FORBIDDEN));
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    text: String,
}

#[test]
fn an_unknown_or_repeated_query_parameter_is_refused() {
    let asked =
        |text: &str| query::<Input>(&own().query(text).request()).map_err(|problem| problem.kind());
    assert_eq!(asked(""), Ok(Input::default()));
    assert_eq!(asked("text=a"), Ok(Input { text: "a".to_owned() }));
    for text in ["text=a&text=b", "other=1", "text=a&other=1"] {
        assert_eq!(asked(text), Err(ProblemType::INVALID_QUERY), "{text}");
    }
}

#[test]
fn acs_gets_at_most_six_seconds_and_leaves_two_before_the_deadline() {
    let clock = ManualClock::default();
    let now = clock.now();
    let of = |seconds: u64| {
        let end = now + Duration::from_secs(seconds);
        let mut context = Context::default();
        "r-1".clone_into(&mut context.request_id);
        let since = end.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
        context.deadline = since.as_millis().try_into().unwrap();
        invocation(&own().request().with_lambda_context(context), &clock)
    };
    for (seconds, for_acs) in [(60, 6), (8, 6), (7, 5), (3, 1)] {
        let invocation = of(seconds);
        assert_eq!(invocation.id, "r-1");
        assert_eq!(invocation.deadline, now + Duration::from_secs(seconds));
        assert_eq!(invocation.acs_until, now + Duration::from_secs(for_acs), "{seconds}");
    }
    let without = invocation(&own().request(), &clock);
    assert_eq!(without.deadline, now + Duration::from_secs(10));
}

#[test]
fn the_detail_of_a_query_names_the_parameter() {
    let detail = |text: &str| {
        query::<Input>(&own().query(text).request()).err().unwrap().detail().to_owned()
    };
    assert_eq!(detail("other=1"), "unknown parameter `other`: expected `text`");
    assert_eq!(detail("canary.token=1"), "unknown parameter: expected `text`");
    assert_eq!(detail("text=a&text=b"), "repeated parameter `text`");
    assert_eq!(detail("canary.token=a&canary.token=b"), "repeated parameter");
}

#[tokio::test(start_paused = true)]
async fn the_system_clock_sleeps_for_the_given_time() {
    let began = tokio::time::Instant::now();
    SystemClock::default().sleep(Duration::from_secs(7)).await;
    assert_eq!(began.elapsed().as_secs(), 7);
}
