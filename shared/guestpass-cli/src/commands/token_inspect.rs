//! `guestpass token inspect`

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use identity_core::ports::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Context;
use crate::{
    failure::{Failure, Result},
    jwt::{self, Unverified},
    moment,
    output::Row,
    span,
    target::secret_in,
};

/// Which token.
#[derive(Args)]
#[command(after_help = "\
A token of ACS, of Entra or of your issuer; bare, behind Bearer, or in the answer it came in:
  guestpass token issue --user ID --scope voip | guestpass token inspect

It is read, not verified, and it is sent nowhere.")]
pub(crate) struct Arguments {
    /// A file with the token, instead of stdin
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    token_file: PathBuf,
}

/// The content of a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
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

impl Row for Shown {
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
pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<()> {
    let is_stdin = arguments.token_file.as_os_str() == "-";
    if is_stdin && context.around.stdin_is_terminal {
        return Err(Failure::usage("no token came in").so("pipe one in, or give --token-file"));
    }
    let text = secret_in(&arguments.token_file, "the token")?;
    let token = jwt::found_in(text.expose())
        .and_then(|token| Unverified::read(&token))
        .ok_or_else(|| {
            Failure::usage("that is no JSON Web Token")
                .because("it has not three parts of which two are JSON in base64url")
                .so("pipe in the token itself, or the JSON answer it came in")
        })?;
    context.show(&shown(token, SystemClock::default().now()))
}

fn shown(token: Unverified, now: SystemTime) -> Shown {
    let ends = token.moment("exp");
    let left = ends.map(|ends| match ends.duration_since(now) {
        Ok(left) if !left.is_zero() => (true, span::show(left)),
        Ok(_) => (false, "none".to_owned()),
        Err(past) => (false, format!("none, for {}", span::show(past.duration()))),
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
    Shown {
        kind: if is_acs {
            "acs"
        } else if is_entra {
            "entra"
        } else {
            "other"
        },
        alive: left.as_ref().map(|(alive, _)| *alive),
        life_left: left.map(|(_, left)| left),
        expires_on: ends.map(moment::show),
        issued_at: token.moment("iat").map(moment::show),
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
        let token = Unverified { header: Map::new(), claims };
        let at = |seconds| SystemTime::UNIX_EPOCH + issued.abs_diff(Duration::from_secs(seconds));
        assert_eq!(shown(token.clone(), at(30)).notes, Vec::<String>::new());
        assert!(shown(token, at(90)).notes[0].starts_with("issued in the future"));
    }
}
