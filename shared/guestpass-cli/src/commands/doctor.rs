//! `guestpass doctor`
#![expect(clippy::doc_markdown, reason = "it is what --help prints, where a backtick is one")]

use std::path::PathBuf;

use clap::Args;
use identity_core::{
    policy::Condition,
    ports::{Clock as _, SystemClock},
    secret::Secret,
};

use super::Context;
use crate::{
    checks::{
        Check, Findings, administrator, bearer, issuer, scopes, secret, service, table, teams,
    },
    failure::{Exit, Failure, Result},
    jwt,
    target::{Target, Way, secret_in, secret_named},
    world::World,
};

/// What to look at besides the service itself.
#[derive(Args)]
#[command(after_help = "\
Changes nothing. To see whether the table belongs to the resource, it asks ACS for one token of
an identity in the table, and drops it.

  guestpass doctor
  guestpass doctor --issuer https://login.example --audience my-api --bearer-file - < bearer

Exit code 7 if something is wrong, 0 if not.")]
pub(crate) struct Arguments {
    /// The issuer of the users' tokens, as in their claim iss [env: GUESTPASS_ISSUER]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The audience of the users' tokens
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The scope that a bearer needs
    #[arg(long, value_name = "NAME", default_value = "guestpass.token")]
    scope: String,
    /// The scope of administrators: the template's AdminScope
    #[arg(long, value_name = "NAME", default_value = "guestpass.admin")]
    admin_scope: String,
    /// What an administrator's claims must say: the template's AdminCondition
    #[arg(long, value_name = "JSON", value_parser = condition)]
    admin_condition: Option<Condition>,
    /// A user's or an administrator's bearer; - for stdin
    #[arg(long, value_name = "PATH")]
    bearer_file: Option<PathBuf>,
    /// A Teams user's Entra token; - for stdin
    #[arg(long, value_name = "PATH", requires_all = ["teams_app_id", "teams_user_id"])]
    teams_token_file: Option<PathBuf>,
    /// The client id of the application the Teams user's token was issued to
    #[arg(long, value_name = "GUID", requires = "teams_token_file")]
    teams_app_id: Option<String>,
    /// The object id of the Teams user
    #[arg(long, value_name = "GUID", requires = "teams_token_file")]
    teams_user_id: Option<String>,
    /// The policy: the template's Policy
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
}

/// Runs one check after the other.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let mut findings = Findings::new(context.format()?, context.around.stdout_style)?;
    // Both can be stdin, which can be read only once: with both options, one must name a file.
    let token = |file: &Option<PathBuf>, what: &str| {
        file.as_deref().map(|file| secret_in(file, what)).transpose()
    };
    let bearer_text = token(&arguments.bearer_file, "the bearer")?;
    let teams_text = token(&arguments.teams_token_file, "the Teams user's token")?;

    let target = context.target().await;
    let now = target.as_ref().map_or(SystemClock::default(), |target| target.clock).now();
    let mut local = None;
    match target {
        Ok(target) => {
            let issuer = target.stack().map(|stack| stack.issuer.clone());
            let secret = secret_named(&context.place, &context.around);
            let is_there = service(target, &arguments, secret, teams_text, &mut findings).await?;
            // If the stack does not answer, only that is reported.
            local = issuer.filter(|_| is_there).map(|issuer| (issuer, LOCAL_AUDIENCE.to_owned()));
        }
        Err(failure) => {
            findings.tell(Check::failed("configuration", &failure))?;
            for about in ["endpoint", "secret", "table"] {
                findings.tell(Check::skipped(about, "see above"))?;
            }
        }
    }
    let (local_issuer, local_audience) = local.unzip();
    let named = || context.around.variable("GUESTPASS_ISSUER");
    let issuer = arguments.issuer.clone().or_else(named).or(local_issuer);
    let mut keys = None;
    if let Some(issuer) = &issuer {
        let (discovered, signing, found) = issuer::look(issuer).await;
        findings.tell(discovered)?;
        findings.tell(signing)?;
        keys = found;
    } else {
        findings.tell(Check::skipped("issuer", "give --issuer to look at it"))?;
    }
    let is_local = local_audience.is_some();
    let token = bearer_text.map(|text| jwt::found_in(text.expose()).unwrap_or_default());
    findings.tell(match &token {
        None => Check::skipped("bearer", "give --bearer-file to look at one"),
        Some(token) => {
            let audience = arguments.audience.clone().or(local_audience);
            let expected = bearer::Expected {
                issuer: issuer.as_deref(),
                keys: keys.as_ref(),
                audience: audience.as_deref(),
                scope: &arguments.scope,
            };
            bearer::look(token, &expected, now)
        }
    })?;
    if let Some(token) = &token {
        let of_the_stack = is_local.then(|| condition(LOCAL_ADMIN_CONDITION).ok()).flatten();
        let condition = arguments.admin_condition.clone().or(of_the_stack);
        findings.tell(administrator::look(token, &arguments.admin_scope, condition.as_ref()))?;
    }
    findings.tell(scopes::look(arguments.policy.as_deref()))?;
    match findings.finish()? {
        0 => Ok(()),
        1 => Err(Failure::new(Exit::Unwell, "one thing is wrong")),
        bad => Err(Failure::new(Exit::Unwell, format!("{bad} things are wrong"))),
    }
}

/// Checks the service, from the outside in. Returns whether it answers.
async fn service(
    target: Target,
    arguments: &Arguments,
    secret_arn: Option<String>,
    teams_text: Option<Secret>,
    findings: &mut Findings,
) -> Result<bool> {
    let way = match &target.way {
        Way::Direct { from } => format!("direct, with the connection string in {from}"),
        Way::Local { file, .. } => format!("the local stack of {}", file.display()),
    };
    findings.tell(Check::good("configuration", way))?;
    let checks = service::look(&target).await?;
    let takes_our_key = checks.iter().any(|check| check.is_about("key") && check.is_good());
    let is_there = checks.iter().all(|check| !check.is_about("endpoint") || check.is_good());
    for check in checks {
        findings.tell(check)?;
    }
    teams(&target, arguments, teams_text, takes_our_key, findings).await?;
    if let Some(arn) = secret_arn {
        let is_gone = target.stack().is_some() && !is_there;
        findings.tell(if is_gone {
            Check::skipped("secret", "see above")
        } else {
            secret::look(&arn, &target).await
        })?;
    }
    if target.stack().is_some() && !is_there {
        findings.tell(Check::skipped("table", "see above"))?;
        return Ok(is_there);
    }
    let world = match World::of(target).await {
        Ok(world) => world,
        Err(failure) => {
            findings.tell(Check::failed("table", &failure))?;
            return Ok(is_there);
        }
    };
    let table = table::look(&world).await;
    let is_readable = table.is_good();
    findings.tell(table)?;
    findings.tell(if is_readable && takes_our_key {
        table::resource(&world).await
    } else {
        Check::skipped("resource", "see above")
    })?;
    Ok(is_there)
}

async fn teams(
    target: &Target,
    arguments: &Arguments,
    text: Option<Secret>,
    takes_our_key: bool,
    findings: &mut Findings,
) -> Result<()> {
    let ids = arguments.teams_app_id.as_deref().zip(arguments.teams_user_id.as_deref());
    let Some((text, (app_id, user_id))) = text.zip(ids) else { return Ok(()) };
    findings.tell(if takes_our_key {
        let token = jwt::found_in(text.expose()).unwrap_or_default();
        teams::look(&token, app_id, user_id, target).await?
    } else {
        Check::skipped("Teams token", "see above")
    })
}

/// Reads a condition on claims.
fn condition(raw: &str) -> std::result::Result<Condition, String> {
    serde_json::from_str(raw)
        .map_err(|error| format!("write a condition such as {LOCAL_ADMIN_CONDITION}: {error}"))
}

/// The condition for administrators of the local stack.
const LOCAL_ADMIN_CONDITION: &str = r#"{"role": "guestpass-admin"}"#;

/// The `aud` of the local issuer's tokens.
const LOCAL_AUDIENCE: &str = "guestpass-local";
