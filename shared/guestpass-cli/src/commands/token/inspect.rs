//! `guestpass token inspect`

use std::time::{Duration, SystemTime};

use identity_core::ports::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::commands::CommandContext;
use crate::input::{UnverifiedJwt, secret_in, token_in};
use crate::options::TokenInspectArguments;
use crate::report::{CliError, Result, Row, duration, timestamp};

/// The content of a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InspectedToken {
    /// `acs`, `entra` or `other`.
    kind: &'static str,
    alive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    life_left: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audience: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    verified: bool,
    claims: Map<String, Value>,
}

impl Row for InspectedToken {
    const COLUMNS: &'static [&'static str] = &[
        "kind",
        "life left",
        "expires",
        "issued",
        "identity",
        "scopes",
        "resource",
        "issuer",
        "audience",
        "notes",
    ];

    fn cells(&self) -> Vec<String> {
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            format!("{} (read, not verified)", self.kind),
            or_empty(&self.life_left),
            or_empty(&self.expires_on),
            or_empty(&self.issued_at),
            or_empty(&self.identity),
            self.scopes.join(" "),
            or_empty(&self.resource),
            or_empty(&self.issuer),
            self.audience.join(" "),
            self.notes.join("; "),
        ]
    }
}

/// Shows the content of a token.
pub(crate) fn run(arguments: &TokenInspectArguments, context: &CommandContext) -> Result<()> {
    let is_stdin = arguments.token_file.as_os_str() == "-";
    if is_stdin && context.environment.stdin_is_terminal {
        return Err(CliError::usage("no token on stdin").hint("pipe one in, or give --token-file"));
    }
    let text = secret_in(&arguments.token_file, "the token")?;
    let token =
        token_in(text.expose()).and_then(|token| UnverifiedJwt::read(&token)).ok_or_else(|| {
            CliError::usage("invalid token: expected a JSON Web Token")
                .because("it has not three parts of which two are JSON in base64url")
                .hint("pipe in the token itself, or the JSON answer it came in")
        })?;
    context.show(&shown(token, SystemClock::default().now()))
}

fn shown(token: UnverifiedJwt, now: SystemTime) -> InspectedToken {
    let ends = token.moment("exp");
    let left = ends.map(|ends| match ends.duration_since(now) {
        Ok(left) if !left.is_zero() => (true, duration::format(left)),
        Ok(_) => (false, "none".to_owned()),
        Err(past) => (false, format!("none, for {}", duration::format(past.duration()))),
    });
    let is_acs = token.claims.contains_key("skypeid") || token.claims.contains_key("acsScope");
    let issuer = token.text("iss").map(str::to_owned);
    let is_entra = issuer.as_deref().is_some_and(|issuer| {
        issuer.starts_with("https://sts.windows.net/")
            || issuer.starts_with("https://login.microsoftonline.com/")
    });
    let scopes: Vec<String> = ["acsScope", "scp", "scope"]
        .into_iter()
        .map(|name| token.words(name))
        .find(|words| !words.is_empty())
        .unwrap_or_default();
    let mut notes = Vec::new();
    if is_acs && scopes.iter().any(|scope| scope.starts_with("chat")) {
        notes.push("chat scopes lose their service on 2028-09-30".to_owned());
    }
    if token.moment("iat").is_some_and(|issued| issued > now + LEEWAY) {
        notes
            .push("issued in the future: the issuer's clock is ahead of this machine's".to_owned());
    }
    let identity = token
        .acs_id()
        .or_else(|| token.text("oid").filter(|_| is_entra).map(str::to_owned))
        .or_else(|| token.text("sub").map(str::to_owned));
    InspectedToken {
        kind: if is_acs {
            "acs"
        } else if is_entra {
            "entra"
        } else {
            "other"
        },
        alive: left.as_ref().map(|(alive, _)| *alive),
        life_left: left.map(|(_, left)| left),
        expires_on: ends.map(timestamp::format),
        issued_at: token.moment("iat").map(timestamp::format),
        identity,
        scopes,
        resource: token.text("resourceId").map(str::to_owned),
        issuer,
        audience: token.audiences(),
        notes,
        verified: false,
        claims: token.claims,
    }
}

/// Allows for a small difference between two clocks.
const LEEWAY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_of_a_clock_that_is_ahead_says_so_and_one_of_ours_does_not() {
        let issued = Duration::from_hours(500_000);
        let Value::Object(claims) = json!({ "iat": issued.as_secs() }) else { panic!() };
        let token = UnverifiedJwt { header: Map::new(), claims };
        let at = |seconds| SystemTime::UNIX_EPOCH + issued.abs_diff(Duration::from_secs(seconds));
        assert_eq!(shown(token.clone(), at(30)).notes, Vec::<String>::new());
        assert!(shown(token, at(90)).notes[0].starts_with("issued in the future"));
    }
}
