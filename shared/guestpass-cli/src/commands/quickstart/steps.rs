//! The steps of the Azure quickstart.

use std::cell::Cell;
use std::time::SystemTime;

use identity_core::Error;
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
use identity_core::ensure_identity::EnsuredIdentity;
use identity_core::exchange_teams_token::{EntraUser, Exchange};
use identity_core::identity::{
    AcsId, ExternalId, IdentityRef, Lifetime, Scope, Scopes, TokenRequest,
};
use identity_core::issue_access_token::{
    IssueAccessTokenRequest, TokenSubject, issue_access_token,
};
use identity_core::ports::Clock as _;
use identity_core::record::{By, Cause, Receipt};
use identity_core::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};
use identity_core::secret::Secret;
use reqwest::Method;
use serde_json::Value;

use crate::commands::quickstart::output::QuickstartOutput;
use crate::input::teams_claims;
use crate::report::{CliError, Exit, Result, timestamp};
use crate::service::{ServiceSession, acs_client, control, operator};

/// The users of a run. Each run has its own users.
pub(super) struct QuickstartUsers {
    first: ExternalId,
    second: ExternalId,
    /// Whether ACS may have created an identity for one of them.
    were_made: Cell<bool>,
}

impl QuickstartUsers {
    pub(super) fn new() -> Option<Self> {
        let run = uuid::Uuid::new_v4();
        Some(Self {
            first: ExternalId::parse(&format!("quickstart|{run}|1"))?,
            second: ExternalId::parse(&format!("quickstart|{run}|2"))?,
            were_made: Cell::new(false),
        })
    }

    /// Whether there may be something to delete.
    pub(super) fn were_made(&self) -> bool {
        self.were_made.get()
    }

    /// The remedy, if it is unknown whether the identities are gone.
    pub(super) fn left(&self, failure: &CliError) -> CliError {
        let (first, second) = (self.first.as_str(), self.second.as_str());
        let why = format!(
            "{}; what was created may be left, and an identity that ACS was just making has no name",
            failure.in_short()
        );
        CliError::new(failure.exit, "the quickstart has not cleaned up")
            .because(why)
            .hint(format!("guestpass identity delete '{first}' '{second}'"))
    }
}

/// Runs one step after the other, until all are done or `stop` is set.
pub(super) async fn walk(
    session: &ServiceSession,
    names: &QuickstartUsers,
    told: &mut QuickstartOutput,
    stop: &Cell<bool>,
) -> Result<()> {
    let go_on = || if stop.get() { Err(stopped()) } else { Ok(()) };
    told.tell(
        "Authenticate",
        format!("using ACS {}", session.target.in_words()),
        "guestpass status",
    )?;

    go_on()?;
    let created = create(session, names, &names.first, None).await?;
    let id = created.acs_id.clone();
    told.tell(
        "Create an identity",
        format!("created {id}"),
        "guestpass identity create --external-id NAME",
    )?;

    go_on()?;
    let expires = issue(session, &id).await?;
    told.tell(
        "Issue an access token",
        format!("issued one for voip, which expires at {}", timestamp::format(expires)),
        "guestpass token issue --user ID --scope voip",
    )?;

    go_on()?;
    let both = TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR };
    let second = create(session, names, &names.second, Some(both)).await?;
    told.tell(
        "Create an identity and issue a token in one request",
        format!("created {}, with a token for chat and voip", second.acs_id),
        "guestpass identity create --with-token --scope chat voip",
    )?;

    go_on()?;
    let expires = issue(session, &id).await?;
    told.tell(
        "Refresh an access token",
        format!("issued another for the identity of step 2, until {}", timestamp::format(expires)),
        "guestpass token issue --user ID --scope voip",
    )?;

    go_on()?;
    let by = revoke(session, &id).await?.effective_by();
    told.tell(
        "Revoke access tokens",
        format!(
            "revoked; effective everywhere by {}",
            by.map(timestamp::format).unwrap_or_default()
        ),
        "guestpass token revoke --user ID",
    )?;

    go_on()?;
    told.tell(
        "Exchange a Teams user's token",
        exchange(session).await?,
        "guestpass token exchange-teams --app-id GUID --user-id GUID < token",
    )?;
    go_on()
}

async fn create(
    session: &ServiceSession,
    names: &QuickstartUsers,
    user: &ExternalId,
    token: Option<TokenRequest>,
) -> Result<EnsuredIdentity> {
    let resource = session.target.resources.for_new_identity(None)?;
    let created = session
        .try_run(async |invocation| {
            let request = CreateIdentityRequest {
                user: user.clone(),
                token,
                resource,
                by: session.administrator(),
                invocation,
            };
            create_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await;
    let is_unsure = matches!(created, Err(Error::AcsUnavailable { maybe_applied: true, .. }));
    names.were_made.set(names.were_made() || created.is_ok() || is_unsure);
    created.map_err(|error| {
        let failure = session.explain(&error);
        if !is_unsure {
            return failure;
        }
        let why = failure.in_short();
        failure.because(format!(
            "{why}; ACS may have made an identity all the same, for which no token exists"
        ))
    })
}

async fn issue(session: &ServiceSession, id: &AcsId) -> Result<SystemTime> {
    let scopes = Scopes::of(vec![Scope::Voip])
        .ok_or_else(|| CliError::new(Exit::Failed, "a token needs a scope"))?;
    let issued = session
        .run(async |invocation| {
            let request = IssueAccessTokenRequest {
                subject: TokenSubject::Identity {
                    identity: IdentityRef::Acs(id.clone()),
                    by: session.administrator(),
                },
                token: TokenRequest { scopes, lifetime: Lifetime::HOUR },
                invocation,
            };
            issue_access_token(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    Ok(issued.token.expires_on)
}

async fn revoke(session: &ServiceSession, id: &AcsId) -> Result<Receipt> {
    session
        .run(async |invocation| {
            let identity = IdentityRef::Acs(id.clone());
            let request = RevokeAccessTokensRequest {
                bearer: None,
                identity,
                block: false,
                if_missing: IfMissing::Refuse,
                pace: None,
                cause: Cause::of(By::administrator(session.administrator().id())),
                invocation,
            };
            revoke_access_tokens(&session.store, &session.acs, &session.clock, request).await
        })
        .await
}

/// Exchanges the token of a Teams user of the emulator. A real user would have to sign in.
async fn exchange(session: &ServiceSession) -> Result<String> {
    if session.target.stack().is_none() {
        return Ok("skipped: this step needs a Teams user who signs in".to_owned());
    }
    let url = format!("{}_emulator/entra/token", session.target.acs().endpoint);
    let made = control::call(Method::POST, url, &[], Some("{}".to_owned())).await?;
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let token = text("/token");
    let claims = teams_claims(token);
    let acs = acs_client(&session.target).await?;
    let exchanged = session
        .run(async |invocation| {
            let tid = claims.tid.clone().unwrap_or_default();
            let exchange = Exchange {
                token: Secret::new(token),
                caller: EntraUser { oid: text("/claims/oid").to_owned(), tid },
                claims,
                app_id: text("/claims/appid").to_owned(),
                invocation,
            };
            let admission = operator::admission();
            exchange.redeem(&acs, admission, session.clock.now()).await
        })
        .await?;
    let expires = timestamp::format(exchanged.expires_on);
    Ok(format!("exchanged the Entra token of a Teams user of the emulator's, until {expires}"))
}

/// Deletes the identities of both users, and returns how many there were. Also tries the second
/// one if the first cannot be deleted.
pub(super) async fn clean_up(session: &ServiceSession, names: &QuickstartUsers) -> Result<usize> {
    let first = delete(session, &names.first).await;
    let second = delete(session, &names.second).await;
    Ok(usize::from(first?) + usize::from(second?))
}

async fn delete(session: &ServiceSession, user: &ExternalId) -> Result<bool> {
    let gone = session
        .run(async |invocation| {
            let identity = IdentityRef::External(user.clone());
            let request = DeleteIdentityRequest {
                bearer: None,
                if_foreign: IfForeign::Refuse,
                identity,
                by: By::administrator(session.administrator().id()),
                invocation,
            };
            delete_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    Ok(gone.is_some())
}

/// The error after Ctrl-C, if nothing is left behind.
pub(super) fn stopped() -> CliError {
    CliError::new(Exit::Interrupted, "stopped; nothing is left")
}
