//! The rules of the template decide with the matcher of the local bus which events of providers
//! reach the queue.

use e2e::{REVOKE, ServiceStack};
use identity_events::event_types::{
    AUTH0_LOG_CALLS, AUTH0_LOG_KINDS, AUTH0_STREAM, COGNITO_CALLS, COGNITO_PAGES, OKTA, OKTA_APP,
};
use serde_json::{Value, json};

const AUTH0_LOG_BUS: &str = "aws.partner/auth0.com/tenant-1/auth0.logs";
const AUTH0_STREAM_BUS: &str = "aws.partner/auth0.com/tenant-1/auth0.events";
const OKTA_BUS: &str = "aws.partner/okta.com/example/guestpass";
const APP: &str = "0oa1";

/// A stack with both kinds of stream of Auth0, and Okta.
async fn stack() -> ServiceStack {
    let buses = format!("PartnerEventBus={AUTH0_LOG_BUS},{AUTH0_STREAM_BUS},{OKTA_BUS}");
    let app = format!("OktaApp={APP}");
    ServiceStack::with(&["--parameter", &buses, "--parameter", &app]).await
}

fn cognito(kind: &str, name: &str) -> Value {
    let detail = json!({ "eventSource": "cognito-idp.amazonaws.com", "eventName": name });
    let kind = format!("AWS {kind} via CloudTrail");
    json!({ "source": "aws.cognito-idp", "detail-type": kind, "detail": detail })
}

fn auth0_log(data: &Value) -> Value {
    json!({ "source": AUTH0_LOG_BUS, "detail-type": "Auth0 log", "detail": { "data": data } })
}

fn auth0_call(name: &str, method: &str, path: &str) -> Value {
    let request = json!({ "method": method, "path": path });
    auth0_log(&json!({ "type": name, "details": { "request": request } }))
}

fn auth0_stream(name: &str, data: &Value) -> Value {
    let detail = json!({ "specversion": "1.0", "type": name, "data": data });
    json!({ "source": AUTH0_STREAM_BUS, "detail-type": name, "detail": detail })
}

fn okta(name: &str, target: &Value) -> Value {
    let detail = json!({ "eventType": name, "outcome": { "result": "FAILURE" }, "target": target });
    json!({ "source": OKTA_BUS, "detail-type": "SystemLog", "detail": detail })
}

/// The names of the rules that pass each event.
async fn rules(stack: &ServiceStack, bus: Option<&str>, events: &[Value]) -> Vec<Vec<String>> {
    let sent = stack.local("POST events", json!({ "bus": bus, "events": events })).await;
    let sent = sent["events"].as_array().unwrap();
    assert_eq!(sent.len(), events.len());
    sent.iter().map(|one| serde_json::from_value(one["rules"].clone()).unwrap()).collect()
}

async fn all_pass(stack: &ServiceStack, bus: Option<&str>, rule: &str, events: &[Value]) {
    for (event, passed) in events.iter().zip(rules(stack, bus, events).await) {
        assert_eq!(passed, [rule], "{event}");
    }
}

async fn none_pass(stack: &ServiceStack, bus: Option<&str>, events: &[Value]) {
    for (event, passed) in events.iter().zip(rules(stack, bus, events).await) {
        assert!(passed.is_empty(), "{event}: {passed:?}");
    }
}

#[tokio::test]
async fn every_type_that_has_an_effect_reaches_the_queue() {
    let stack = stack().await;
    let calls = COGNITO_CALLS.iter().map(|(name, _)| cognito("API Call", name));
    let pages = COGNITO_PAGES.iter().map(|(name, _)| cognito("Service Event", name));
    all_pass(&stack, None, "CognitoEvents", &calls.chain(pages).collect::<Vec<_>>()).await;

    let log = AUTH0_LOG_KINDS.iter().map(|(name, _)| auth0_log(&json!({ "type": name })));
    let users = ["/api/v2/users/auth0%7C1", "/v2/users/auth0%7C1", "/api/v2/refresh-tokens/revoke"]
        .map(|path| auth0_call("sapi", "patch", path));
    let scim = ["PATCH", "put", "Delete"]
        .map(|method| auth0_call("sscim", method, "/scim/v2/connections/con_1/Users/x"));
    for name in AUTH0_LOG_CALLS {
        assert!(["sapi", "sscim"].contains(name), "{name} has no example here");
    }
    let log: Vec<_> = log.chain(users).chain(scim).collect();
    all_pass(&stack, Some(AUTH0_LOG_BUS), "PartnerEvents", &log).await;

    let blocked = json!({ "object": { "blocked": true } });
    let unblocked = json!({ "object": {}, "previous_object": { "blocked": true } });
    let events: Vec<_> = AUTH0_STREAM
        .iter()
        .flat_map(|name| [auth0_stream(name, &blocked), auth0_stream(name, &unblocked)])
        .chain([auth0_stream("user.deleted", &json!({ "object": {} }))])
        .collect();
    all_pass(&stack, Some(AUTH0_STREAM_BUS), "PartnerEvents2", &events).await;

    let user = json!([{ "type": "User", "id": "00u1" }]);
    let events = OKTA.iter().flat_map(|(name, _)| [okta(name, &user), okta(name, &Value::Null)]);
    let app = json!([{ "type": "AppUser", "id": "0ua1" }, { "type": "AppInstance", "id": APP }]);
    let events: Vec<_> = events.chain(OKTA_APP.iter().map(|(name, _)| okta(name, &app))).collect();
    all_pass(&stack, Some(OKTA_BUS), "PartnerEvents3", &events).await;
}

#[tokio::test]
async fn the_types_that_providers_send_most_never_reach_the_queue() {
    let stack = stack().await;
    let calls = COGNITO_OFTEN.map(|name| cognito("API Call", name));
    let pages = COGNITO_PAGES_OFTEN.map(|name| cognito("Service Event", name));
    none_pass(&stack, None, &calls.into_iter().chain(pages).collect::<Vec<_>>()).await;

    let log = AUTH0_OFTEN.map(|name| auth0_log(&json!({ "type": name })));
    let calls = [
        auth0_call("sapi", "post", "/api/v2/clients"),
        auth0_call("sapi", "delete", "/api/v2/sessions/sess_1"),
        auth0_call("sscim", "GET", "/scim/v2/connections/con_1/Users"),
        auth0_call("sscim", "POST", "/scim/v2/connections/con_1/Users"),
    ];
    let log: Vec<_> = log.into_iter().chain(calls).collect();
    none_pass(&stack, Some(AUTH0_LOG_BUS), &log).await;

    let login = json!({ "object": { "blocked": false, "logins_count": 2 } });
    let before = json!({ "object": { "blocked": false }, "previous_object": { "blocked": false } });
    let events: Vec<_> = [&login, &before, &json!({ "object": {} })]
        .map(|data| auth0_stream("user.updated", data))
        .into_iter()
        .chain(AUTH0_STREAM_OFTEN.map(|name| auth0_stream(name, &login)))
        .collect();
    none_pass(&stack, Some(AUTH0_STREAM_BUS), &events).await;

    let other = json!([{ "type": "AppInstance", "id": "0oaOther" }, { "type": "User", "id": "u" }]);
    let apps = OKTA_APP.iter().map(|(name, _)| okta(name, &other));
    let events: Vec<_> =
        OKTA_OFTEN.iter().map(|name| okta(name, &Value::Null)).chain(apps).collect();
    none_pass(&stack, Some(OKTA_BUS), &events).await;
}

/// Without the ID of an app, no assignment to an app counts.
#[tokio::test]
async fn assignments_to_apps_reach_the_queue_only_if_an_app_is_configured() {
    let bus = format!("PartnerEventBus={OKTA_BUS}");
    let stack = ServiceStack::with(&["--parameter", &bus]).await;
    let app = json!([{ "type": "AppInstance", "id": APP }]);
    let events: Vec<_> = OKTA_APP.iter().map(|(name, _)| okta(name, &app)).collect();
    none_pass(&stack, Some(OKTA_BUS), &events).await;
}

/// Without the filters, each of the 50,000 events would be a message that the function ignores.
#[tokio::test]
async fn nothing_is_lost_among_fifty_thousand_events_that_do_not_matter() {
    let stack = stack().await;
    // Each user is revoked once: of two events about one user, the older one can arrive last, and
    // then has no effect.
    let users: Vec<String> = (0..100).map(|number| format!("user-{number}@example.com")).collect();
    let mut tokens = Vec::new();
    for user in &users {
        let reply = stack.call("POST /v1/token", &stack.user(user).await, Value::Null).await;
        assert_eq!(reply.status, 200);
        tokens.push(reply.body["token"].clone());
    }
    for (round, user) in users.iter().enumerate() {
        let often = OKTA_OFTEN.iter().cycle().take(500);
        let target = json!([{ "type": "User", "id": "00u1", "alternateId": user }]);
        let mut events: Vec<_> = often.map(|name| okta(name, &target)).collect();
        let target = json!([{ "type": "User", "alternateId": user }]);
        let mut revocation = okta("user.session.clear", &target);
        revocation["detail"]["outcome"]["result"] = "SUCCESS".into();
        revocation["detail"]["published"] = stack.seconds_from_now(0).await.into();
        revocation["detail"]["uuid"] = format!("event-{round}").into();
        events.insert(250, revocation);
        let passed = rules(&stack, Some(OKTA_BUS), &events).await;
        assert_eq!(passed.iter().flatten().collect::<Vec<_>>(), ["PartnerEvents3"]);
    }
    stack.until_processed().await;
    assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 100);
    assert_eq!(stack.metric_sum(REVOKE, "EventsIgnored"), 0);
    for token in &tokens {
        assert_eq!(stack.invalid_reason(token).await, "revoked");
    }
}

const COGNITO_OFTEN: [&str; 20] = [
    "InitiateAuth",
    "RespondToAuthChallenge",
    "GetUser",
    "AdminInitiateAuth",
    "AdminRespondToAuthChallenge",
    "AdminGetUser",
    "ListUsers",
    "AdminUpdateUserAttributes",
    "UpdateUserAttributes",
    "SignUp",
    "ConfirmSignUp",
    "ResendConfirmationCode",
    "ForgotPassword",
    "AdminListGroupsForUser",
    "AdminAddUserToGroup",
    "AdminRemoveUserFromGroup",
    "DescribeUserPool",
    "DescribeUserPoolClient",
    "AdminCreateUser",
    "GetTokensFromRefreshToken",
];
const COGNITO_PAGES_OFTEN: [&str; 8] = [
    "Login_GET",
    "login_POST",
    "OAuth2_Authorize_GET",
    "Token_POST",
    "CognitoAuthentication",
    "UserInfo_GET",
    "SAML2Response_POST",
    "ForgotPassword_POST",
];
const AUTH0_OFTEN: [&str; 20] = [
    "s",
    "f",
    "fp",
    "fu",
    "ssa",
    "fsa",
    "seacft",
    "feacft",
    "sertft",
    "fertft",
    "seccft",
    "ss",
    "fs",
    "sv",
    "scpr",
    "limit_wc",
    "limit_mu",
    "mgmt_api_read",
    "gd_auth_succeed",
    "pwd_leak",
];
const AUTH0_STREAM_OFTEN: [&str; 4] = [
    "user.created",
    "organization.member.added",
    "organization.member.deleted",
    "group.member.added",
];
const OKTA_OFTEN: [&str; 20] = [
    "user.session.start",
    "user.authentication.sso",
    "user.authentication.auth_via_mfa",
    "user.authentication.verify",
    "user.authentication.auth_via_AD_agent",
    "user.authentication.auth_via_IDP",
    "user.session.access_admin_app",
    "user.session.context.change",
    "policy.evaluate_sign_on",
    "policy.auth_reevaluate.action",
    "app.oauth2.authorize.code",
    "app.oauth2.token.grant.access_token",
    "app.oauth2.token.grant.id_token",
    "app.oauth2.token.grant.refresh_token",
    "app.oauth2.as.token.grant.access_token",
    "application.provision.user.sync",
    "user.mfa.okta_verify",
    "user.mfa.factor.activate",
    "user.account.lock",
    "system.push.send_factor_verify_push",
];
