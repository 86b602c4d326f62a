//! `guestpass doctor`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use bearer_verifier::KeySet;
use identity_core::ports::{Clock as _, SystemClock};
use identity_core::resource::ResourceName;
use identity_core::secret::Secret;

use crate::checks::records::{
    look_at_directories, look_at_guest_cleanup, look_at_keys, look_at_resource, look_at_resources,
    look_at_table,
};
use crate::checks::{
    Check, Findings, acs, administrator, bearer, issuer, network, phone, policy, secret, teams,
};
use crate::commands::CommandContext;
use crate::input::{secret_in, token_in};
use crate::options::{AuthorizerKind, DoctorArguments, LOCAL_ADMIN_CONDITION, parse_condition};
use crate::report::{CliError, Exit, Result};
use crate::service::{ServiceAccess, ServiceSession, Target, secret_named};

/// Runs one check after the other.
pub(crate) async fn run(arguments: DoctorArguments, context: &CommandContext) -> Result<()> {
    let mut findings = Findings::new(context.format()?, context.environment.stdout_style)?;
    // Each can be stdin, which can be read only once: with two of them, one must name a file.
    let token = |file: &Option<PathBuf>, what: &str| {
        file.as_deref().map(|file| secret_in(file, what)).transpose()
    };
    let bearer_text = token(&arguments.bearer_file, "the bearer")?;
    let users = UserTokens {
        teams: token(&arguments.teams_token_file, "the Teams user's token")?,
        phone: token(&arguments.phone_token_file, "the token for Teams Phone")?,
    };

    for check in network::look(&context.environment) {
        findings.tell(check)?;
    }
    let target = context.target().await;
    let now = target.as_ref().map_or(SystemClock::default(), |target| target.clock).now();
    let resources = target.as_ref().ok().map(|target| &target.resources);
    let join_page = arguments.guest_join_url.as_deref();
    let policies = policy::look(arguments.policy.as_deref(), resources, join_page);
    let invites = policies.iter().any(|check| check.is_about(policy::GUESTS));
    let local = configuration(target, &arguments, context, users, invites, &mut findings).await?;
    bearers(&arguments, context, local, bearer_text, now, &mut findings).await?;
    for check in policies {
        findings.tell(check)?;
    }
    match findings.finish()? {
        0 => Ok(()),
        1 => Err(CliError::new(Exit::Unwell, "one thing is wrong")),
        bad => Err(CliError::new(Exit::Unwell, format!("{bad} things are wrong"))),
    }
}

/// What a local stack says about its issuer.
#[derive(Default)]
struct LocalIssuer {
    /// `None` if the stack does not answer.
    issuer: Option<String>,
    authorizer: Option<AuthorizerKind>,
}

/// Checks the configuration, and the service that it names.
async fn configuration(
    target: Result<Target>,
    arguments: &DoctorArguments,
    context: &CommandContext,
    users: UserTokens,
    invites: bool,
    findings: &mut Findings,
) -> Result<LocalIssuer> {
    let target = match target {
        Ok(target) => target,
        Err(failure) => {
            findings.tell(Check::failed("configuration", &failure))?;
            for about in ["endpoint", "secret", "table"] {
                findings.tell(Check::skipped(about, "see above"))?;
            }
            return Ok(LocalIssuer::default());
        }
    };
    let issuer = target.stack().map(|stack| stack.issuer.clone());
    let named = target.stack().and_then(|stack| stack.authorizer.as_deref());
    let authorizer = named.and_then(AuthorizerKind::from_name);
    let secret = secret_named(&context.service, &context.environment);
    let is_there = service(target, arguments, secret, users, invites, findings).await?;
    // If the stack does not answer, only that is reported.
    Ok(LocalIssuer { issuer: issuer.filter(|_| is_there), authorizer })
}

/// Checks the issuer, and a bearer.
async fn bearers(
    arguments: &DoctorArguments,
    context: &CommandContext,
    local: LocalIssuer,
    bearer_text: Option<Secret>,
    now: SystemTime,
    findings: &mut Findings,
) -> Result<()> {
    let is_local = local.issuer.is_some();
    let named = || context.environment.variable("GUESTPASS_ISSUER");
    let issuer = arguments.issuer.issuer.clone().or_else(named).or(local.issuer);
    let authorizer = authorizer(arguments, context)?.or(local.authorizer).unwrap_or_default();
    let keys = issuer_keys(issuer.as_deref(), authorizer, findings).await?;
    let Some(text) = bearer_text else {
        return findings.tell(Check::skipped("bearer", "give --bearer-file to look at one"));
    };
    let token = token_in(text.expose()).unwrap_or_default();
    let subject = arguments.subject_claims.clone().unwrap_or_default();
    let expected = bearer::ExpectedBearer {
        issuer: issuer.as_deref(),
        keys: keys.as_ref(),
        authorizer,
        audience: arguments.audience.as_deref().or(is_local.then_some(LOCAL_AUDIENCE)),
        scope: &arguments.scope,
        subject: &subject,
    };
    findings.tell(bearer::look(&token, &expected, now))?;
    if let Some(note) = bearer::okta_login::look(&token, &subject) {
        findings.tell(note)?;
    }
    let of_the_stack = is_local.then(|| parse_condition(LOCAL_ADMIN_CONDITION).ok()).flatten();
    let condition = arguments.admin_condition.clone().or(of_the_stack);
    findings.tell(administrator::look(&token, &arguments.admin_scope, condition.as_ref()))
}

/// Checks the issuer, if it is known. Returns its keys, if they are usable.
async fn issuer_keys(
    issuer: Option<&str>,
    authorizer: AuthorizerKind,
    findings: &mut Findings,
) -> Result<Option<KeySet>> {
    let Some(issuer) = issuer else {
        findings.tell(Check::skipped("issuer", "give --issuer to look at it"))?;
        return Ok(None);
    };
    let (discovered, signing, keys) = issuer::look(issuer, authorizer).await;
    findings.tell(discovered)?;
    findings.tell(signing)?;
    Ok(keys)
}

/// The authorizer that the operator names.
fn authorizer(
    arguments: &DoctorArguments,
    context: &CommandContext,
) -> Result<Option<AuthorizerKind>> {
    if arguments.authorizer.is_some() {
        return Ok(arguments.authorizer);
    }
    let Some(name) = context.environment.variable(AUTHORIZER) else { return Ok(None) };
    let kind = AuthorizerKind::from_name(&name);
    let invalid = || CliError::usage(format!("invalid value `{name}` of {AUTHORIZER}"));
    kind.map(Some).ok_or_else(|| invalid().hint("set it to `jwt` or `lambda`, or unset it"))
}

/// Checks the service, from the outside in. Returns whether it answers. `invites`: whether the policy
/// has guests.
async fn service(
    target: Target,
    arguments: &DoctorArguments,
    secret_arn: Option<String>,
    users: UserTokens,
    invites: bool,
    findings: &mut Findings,
) -> Result<bool> {
    let way = match &target.way {
        ServiceAccess::Direct { with } => format!("direct, with {with}"),
        ServiceAccess::AcsAlone { with } => format!("the ACS resource alone, with {with}"),
        ServiceAccess::Local { file, .. } => format!("the local stack of {}", file.display()),
    };
    findings.tell(Check::good("configuration", way))?;
    let (reached, usable) = resources(&target, findings).await?;
    let is_there = !reached.is_empty();
    exchanges(&target, arguments, users, takes_our_key(&target, &usable), findings).await?;
    let is_gone = target.stack().is_some() && !is_there;
    if let Some(arn) = secret_arn {
        findings.tell(if is_gone {
            Check::skipped("secret", "see above")
        } else {
            secret::look(&arn, &target).await
        })?;
    }
    if is_gone {
        findings.tell(Check::skipped("table", "see above"))?;
    } else if let ServiceAccess::AcsAlone { .. } = target.way {
        findings.tell(Check::skipped(
            "table",
            "none is named: records, users, events, the cleanup and the audit log are not checked",
        ))?;
    } else {
        match ServiceSession::of(target).await {
            Ok(session) => records(&session, arguments, &usable, invites, findings).await?,
            Err(failure) => findings.tell(Check::failed("table", &failure))?,
        }
    }
    Ok(is_there)
}

/// Checks the table and its content. `usable`: the resources that accept the key.
async fn records(
    session: &ServiceSession,
    arguments: &DoctorArguments,
    usable: &BTreeSet<ResourceName>,
    invites: bool,
    findings: &mut Findings,
) -> Result<()> {
    let table = look_at_table(session).await;
    let is_readable = table.is_good();
    findings.tell(table)?;
    if let Some(claims) = &arguments.subject_claims {
        findings.tell(if is_readable {
            look_at_keys(session, claims).await
        } else {
            Check::skipped("record keys", "see above")
        })?;
    }
    if is_readable {
        for check in look_at_directories(session).await {
            findings.tell(check)?;
        }
        if let Some(check) = look_at_guest_cleanup(session, invites).await {
            findings.tell(check)?;
        }
    }
    if is_readable && session.target.resources.are_several() {
        for check in look_at_resources(session, usable).await {
            findings.tell(check)?;
        }
        Ok(())
    } else if is_readable && takes_our_key(&session.target, usable) {
        findings.tell(look_at_resource(session).await)
    } else {
        findings.tell(Check::skipped("resource", "see above"))
    }
}

/// Whether the first resource accepts the key.
fn takes_our_key(target: &Target, usable: &BTreeSet<ResourceName>) -> bool {
    target.resources.iter().next().is_some_and(|(one, _)| usable.contains(one))
}

/// Checks how each ACS resource is reached. Returns those that answer, and those that accept the
/// key.
async fn resources(
    target: &Target,
    findings: &mut Findings,
) -> Result<(BTreeSet<ResourceName>, BTreeSet<ResourceName>)> {
    let (mut reached, mut usable) = (BTreeSet::new(), BTreeSet::new());
    for (name, config) in target.resources.iter() {
        for check in acs::look(target, config).await? {
            if check.is_about("endpoint") && check.is_good() {
                reached.insert(name.clone());
            }
            if check.is_about_credential() && check.is_good() {
                usable.insert(name.clone());
            }
            let label = target.resources.are_several().then_some(name);
            findings.tell(check.of_resource(label))?;
        }
    }
    Ok((reached, usable))
}

/// The Entra tokens of users that ACS shall exchange.
struct UserTokens {
    teams: Option<Secret>,
    phone: Option<Secret>,
}

/// Checks the tokens that ACS shall exchange.
async fn exchanges(
    target: &Target,
    arguments: &DoctorArguments,
    UserTokens { teams, phone }: UserTokens,
    takes_our_key: bool,
    findings: &mut Findings,
) -> Result<()> {
    let token = |text: &Secret| token_in(text.expose()).unwrap_or_default();
    let skipped = |about| Check::skipped(about, "see above");
    let ids = arguments.teams_app_id.as_deref().zip(arguments.teams_user_id.as_deref());
    if let Some((text, (app_id, user_id))) = teams.zip(ids) {
        findings.tell(if takes_our_key {
            teams::look(&token(&text), app_id, user_id, target).await?
        } else {
            skipped("Teams token")
        })?;
    }
    if let Some(text) = phone {
        findings.tell(if takes_our_key {
            phone::look(&token(&text), target).await?
        } else {
            skipped("Teams Phone token")
        })?;
    }
    Ok(())
}

/// The variable for the output `AuthorizerKind` of a deployed stack.
const AUTHORIZER: &str = "GUESTPASS_AUTHORIZER";

/// The `aud` of the local issuer's tokens.
const LOCAL_AUDIENCE: &str = "guestpass-local";
