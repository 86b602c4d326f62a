//! Checks ACS: does it answer, does its time agree, does it accept the key and the api-version?

use std::time::{Duration, Instant, SystemTime};

use acs_client::{AcsIdentityClient, Answered, Config, ErrorCause};
use identity_core::Error;
use identity_core::ports::Clock as _;
use identity_core::secret::Secret;
use reqwest::header::DATE;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::checks::Check;
use crate::checks::check::{ENTRA, KEY};
use crate::report::{Result, innermost};
use crate::service::internet::{TIMEOUT, direct_http_client, http_client};
use crate::service::{Target, explain, remedy, unreachable};

/// Checks endpoint, clock, key and api-version of a resource. Creates nothing.
pub(crate) async fn look(target: &Target, config: &Config) -> Result<[Check; 4]> {
    let acs = AcsIdentityClient::new(config.clone(), target.clock)
        .map_err(|error| unreachable(error.to_string()))?;
    let (credential, accepted) = match &target.entra {
        None => (KEY, "ACS accepts the access key".to_owned()),
        Some(entra) => (ENTRA, format!("ACS accepts a token of {}", entra.in_words())),
    };
    let (reached, ahead_s) = match reach(target, config).await {
        Ok(reached) => reached,
        Err(bad) => return Ok([bad, after("clock"), after(credential), after("api-version")]),
    };
    if let Err(failure) = target.sign_in().await {
        let failed = Check::failed(credential, &failure);
        return Ok([reached, clock(ahead_s), failed, after("api-version")]);
    }
    // ACS verifies the signature first, and then rejects the empty token. The response therefore
    // shows whether the key is valid, and the request changes nothing.
    let deadline = target.clock.now() + Duration::from_secs(6);
    let error = acs.exchange_teams_user_token(&Secret::new(""), "", "", deadline).await.err();
    let version = config.api_version.as_str();
    let (key, api_version) =
        credential_and_version(error.as_ref(), credential, accepted, version, target);
    let (endpoint, skew) = match error.as_ref().and_then(Answered::of).map(Answered::cause) {
        Some(cause @ ErrorCause::ClockSkew { .. }) => {
            (reached, Check::bad("clock", cause.to_string(), remedy(cause)))
        }
        Some(cause) if is_of_another_service(cause, version) => {
            (Check::bad("endpoint", cause.to_string(), remedy(cause)), after("clock"))
        }
        _ => (reached, clock(ahead_s)),
    };
    Ok([endpoint, skew, key, api_version])
}

/// What the answer to an exchange of an empty token says about the credential and the api-version.
fn credential_and_version(
    error: Option<&Error>,
    credential: &'static str,
    accepted: String,
    version: &str,
    target: &Target,
) -> (Check, Check) {
    match (error.and_then(Answered::of).map(Answered::cause), error) {
        (
            Some(ErrorCause::InvalidAccessToken | ErrorCause::AppId(_) | ErrorCause::UserId(_)),
            _,
        )
        | (_, None) => (Check::good(credential, accepted), Check::good("api-version", version)),
        (Some(ErrorCause::ClockSkew { .. }), _) => {
            let skipped = Check::skipped(credential, "ACS checks the key only if the clocks agree");
            (skipped, after("api-version"))
        }
        (Some(cause @ (ErrorCause::KeyRefused | ErrorCause::Denied)), _) => {
            (Check::bad(credential, cause.to_string(), remedy(cause)), after("api-version"))
        }
        (
            Some(
                cause @ (ErrorCause::UnsupportedApiVersion { .. }
                | ErrorCause::ApiVersionUnspecified),
            ),
            _,
        ) => (
            Check::skipped(credential, "ACS checks the API version before the key"),
            Check::bad("api-version", format!("{version}: {cause}"), remedy(cause)),
        ),
        (Some(cause), _) if is_of_another_service(cause, version) => {
            (after(credential), after("api-version"))
        }
        (Some(ErrorCause::NoSuchOperation), _) => (
            Check::skipped(credential, "this api-version has no question that changes nothing"),
            Check::note("api-version", format!("{version} has no Teams exchange; {TEAMS} has")),
        ),
        (_, Some(error)) => {
            (Check::failed(credential, &explain(error, target)), after("api-version"))
        }
    }
}

/// Whether only another service than ACS answers in this way. ACS has the operation since [`TEAMS`].
fn is_of_another_service(cause: &ErrorCause, version: &str) -> bool {
    match cause {
        ErrorCause::NoSuchOperation => version >= TEAMS,
        cause => matches!(cause, ErrorCause::Redirected | ErrorCause::Nonsense),
    }
}

fn after(check: &'static str) -> Check {
    Check::skipped(check, "see above")
}

/// Requests the root of the endpoint, without a key. Shows whether it answers, and what time it
/// has.
async fn reach(
    target: &Target,
    config: &Config,
) -> std::result::Result<(Check, Option<i64>), Check> {
    let endpoint = &config.endpoint;
    let todo = match target.stack() {
        Some(_) => "the local stack is not running: start it with `make run`".to_owned(),
        None => format!(
            "check the resource's name in {endpoint}, this machine's DNS and what is in between"
        ),
    };
    let bad = |why: String| Check::bad("endpoint", format!("{endpoint}: {why}"), &*todo);
    // As the client that uses the key: a proxy cannot reach an emulator on this machine.
    let is_proxied = config.uses_proxy && endpoint.to_string().starts_with("https://");
    let client = if is_proxied { http_client() } else { direct_http_client() };
    let client = client.map_err(|error| bad(innermost(&error)))?;
    let started = Instant::now();
    let asked = target.clock.now();
    let answer = client
        .get(endpoint.to_string())
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(|error| bad(innermost(&error)))?;
    let took = started.elapsed();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    let good = Check::good("endpoint", format!("{endpoint} answers within {} ms", round_up(took)));
    Ok((good, date.map(|date| seconds_ahead(asked, date))))
}

fn clock(ahead_s: Option<i64>) -> Check {
    match ahead_s {
        None => Check::note("clock", "the response of ACS has no Date header"),
        Some(ahead) if ahead.abs() <= 60 => {
            Check::good("clock", format!("{ahead:+} s against ACS, which allows 300 s"))
        }
        Some(ahead) => Check::note(
            "clock",
            format!("{ahead:+} s against ACS, which allows 300 s: set this machine's clock (NTP)"),
        ),
    }
}

fn seconds_ahead(ours: SystemTime, theirs: SystemTime) -> i64 {
    let seconds = |gap: Duration| i64::try_from(gap.as_secs()).unwrap_or(i64::MAX);
    match ours.duration_since(theirs) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

/// RFC 9110 §5.6.7.
fn http_date(raw: &str) -> Option<SystemTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    Some(PrimitiveDateTime::parse(raw, format).ok()?.assume_utc().into())
}

fn round_up(took: Duration) -> u128 {
    took.as_millis() + 1
}

/// The first stable version that has today's Teams exchange.
const TEAMS: &str = "2022-06-01";
