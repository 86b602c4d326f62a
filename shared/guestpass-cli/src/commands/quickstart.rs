//! `guestpass quickstart`

use std::{
    io::{Write as _, stderr, stdout},
    time::SystemTime,
};

use clap::Args;
use identity_core::{
    create_identity::{self, create_identity},
    delete_identity::{self, delete_identity},
    identity::{AcsId, ExternalId, IdentityRef, Lifetime, Scope, Scopes, TokenRequest},
    issue_access_token::{self, Whose, issue_access_token},
    record::{By, Cause},
    revoke_access_tokens::{self, revoke_access_tokens},
};
use serde::Serialize;

use super::Context;
use crate::{
    confirm::confirm,
    failure::{Exit, Failure, Result},
    moment,
    output::{Format, Row, Rows},
    own_stack::OwnStack,
    target::{Target, Way},
    world::World,
};

/// How to go about it.
#[derive(Args)]
#[command(after_help = "\
The steps are those of the Azure quickstart for access tokens, against the local stack or the
resource that is configured; with neither, against a stack of its own that is gone afterwards.
What it creates, it deletes, also after a failure or Ctrl-C.")]
pub(crate) struct Arguments {
    /// Do not ask before a deployed service is used
    #[arg(short, long)]
    yes: bool,
}

/// What a step did.
#[derive(Serialize)]
struct Step {
    #[serde(rename = "step")]
    number: u8,
    title: &'static str,
    did: String,
    command: String,
}

impl Row for Step {
    const COLUMNS: &'static [&'static str] = &["step", "title", "did", "command"];

    fn cells(&self) -> Vec<String> {
        vec![self.number.to_string(), self.title.to_owned(), self.did.clone(), self.command.clone()]
    }
}

/// Does the steps.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    if let Some(target) = context.target_if_any().await? {
        return in_world(arguments, target, context).await;
    }
    let _ = writeln!(stderr(), "no service is configured: starting a stack of my own");
    let own = OwnStack::start(&context.around).await?;
    let outcome = match Target::local(own.file(), &context.place, &context.around) {
        Ok(target) => in_world(arguments, target.in_time().await, context).await,
        Err(failure) => Err(failure),
    };
    own.stop().await;
    outcome
}

async fn in_world(arguments: Arguments, target: Target, context: &Context) -> Result<()> {
    if matches!(target.way, Way::Direct { .. }) {
        let question =
            format!("Create two identities {}, and delete them again?", target.in_words());
        confirm(&question, arguments.yes, &context.around)?;
    }
    let world = World::of(target).await?;
    let names =
        Names::new().ok_or_else(|| Failure::new(Exit::Failed, "the users have no names"))?;
    let mut told = Told::new(context)?;
    let walked = tokio::select! {
        walked = walk(&world, &names, &mut told) => walked,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "stopped; cleaning up")),
    };
    // Also what a failure left behind.
    let cleaned = tokio::select! {
        cleaned = clean_up(&world, &names) => cleaned,
        _ = tokio::signal::ctrl_c() => Err(names.left_behind()),
    };
    // Of two failures, the one that leaves something behind matters more.
    let deleted = cleaned?;
    walked?;
    told.tell(
        "Delete the identities",
        format!("deleted {deleted} identities, with their tokens"),
        "guestpass identity delete ID…".to_owned(),
    )?;
    told.finish()
}

/// The users of a run. Another run has others.
struct Names {
    first: ExternalId,
    second: ExternalId,
}

impl Names {
    fn new() -> Option<Self> {
        let run = uuid::Uuid::new_v4();
        Some(Self {
            first: ExternalId::parse(&format!("quickstart|{run}|1"))?,
            second: ExternalId::parse(&format!("quickstart|{run}|2"))?,
        })
    }
}

impl Names {
    /// What to do about them, if nobody knows whether they are gone.
    fn left_behind(&self) -> Failure {
        let (first, second) = (self.first.as_str(), self.second.as_str());
        Failure::new(Exit::Interrupted, "stopped while cleaning up")
            .so(format!("guestpass identity delete '{first}' '{second}'"))
    }
}

async fn walk(world: &World, names: &Names, told: &mut Told) -> Result<()> {
    told.tell(
        "Authenticate",
        format!("using ACS {}", world.target.in_words()),
        "guestpass status".to_owned(),
    )?;

    let created = create(world, &names.first, None).await?;
    let id = created.acs_id.clone();
    told.tell(
        "Create an identity",
        format!("created {id}"),
        "guestpass identity create --external-id NAME".to_owned(),
    )?;

    let expires = issue(world, &id, &[Scope::Voip]).await?;
    told.tell(
        "Issue an access token",
        format!("issued one for voip, which expires at {}", moment::show(expires)),
        "guestpass token issue --user ID --scope voip".to_owned(),
    )?;

    let both = TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR };
    let second = create(world, &names.second, Some(both)).await?;
    told.tell(
        "Create an identity and issue a token in one request",
        format!("created {}, with a token for chat and voip", second.acs_id),
        "guestpass identity create --with-token --scope chat voip".to_owned(),
    )?;

    let expires = issue(world, &id, &[Scope::Voip]).await?;
    told.tell(
        "Refresh an access token",
        format!("issued another for the identity of step 2, until {}", moment::show(expires)),
        "guestpass token issue --user ID --scope voip".to_owned(),
    )?;

    let receipt = world
        .serve(async |invocation| {
            let identity = IdentityRef::Acs(id.clone());
            let cause = Cause::of(By::Administrator);
            let request =
                revoke_access_tokens::Request { identity, block: false, cause, invocation };
            revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await
        })
        .await?
        .ok_or_else(|| Failure::new(Exit::Failed, "the identity of step 2 has gone meanwhile"))?;
    let by = receipt.effective_by();
    told.tell(
        "Revoke access tokens",
        format!("revoked; effective everywhere by {}", by.map(moment::show).unwrap_or_default()),
        "guestpass token revoke --user ID".to_owned(),
    )?;

    told.tell(
        "Exchange a Teams user's token",
        "passed over: it takes a Teams user who signs in".to_owned(),
        "guestpass token exchange-teams --app-id GUID --user-id GUID < token".to_owned(),
    )
}

async fn create(
    world: &World,
    user: &ExternalId,
    token: Option<TokenRequest>,
) -> Result<identity_core::obtain::Obtained> {
    world
        .serve(async |invocation| {
            let request = create_identity::Request { user: user.clone(), token, invocation };
            create_identity(&world.store, &world.acs, &world.clock, request).await
        })
        .await
}

async fn issue(world: &World, id: &AcsId, scopes: &[Scope]) -> Result<SystemTime> {
    let scopes = Scopes::of(scopes.to_vec())
        .ok_or_else(|| Failure::new(Exit::Failed, "a token needs a scope"))?;
    let issued = world
        .serve(async |invocation| {
            let request = issue_access_token::Request {
                whose: Whose::Identity(IdentityRef::Acs(id.clone())),
                token: TokenRequest { scopes, lifetime: Lifetime::HOUR },
                invocation,
            };
            issue_access_token(&world.store, &world.acs, &world.clock, request).await
        })
        .await?;
    Ok(issued.token.expires_on)
}

/// Deletes what there is of both; how many there were.
async fn clean_up(world: &World, names: &Names) -> Result<usize> {
    let mut deleted = 0;
    for user in [&names.first, &names.second] {
        let gone = world
            .serve(async |invocation| {
                let identity = IdentityRef::External(user.clone());
                let request = delete_identity::Request { identity, invocation };
                delete_identity(&world.store, &world.acs, &world.clock, request).await
            })
            .await?;
        deleted += usize::from(gone.is_some());
    }
    Ok(deleted)
}

/// The steps, told as they are done.
struct Told {
    /// `None`: as lines for people.
    rows: Option<Rows<Step>>,
    count: u8,
}

impl Told {
    fn new(context: &Context) -> Result<Self> {
        let rows = match context.format()? {
            Format::Table => None,
            format => Some(Rows::new(format)?),
        };
        Ok(Self { rows, count: 0 })
    }

    fn tell(&mut self, title: &'static str, did: String, command: String) -> Result<()> {
        self.count += 1;
        let number = self.count;
        match &mut self.rows {
            Some(rows) => rows.push(Step { number, title, did, command }),
            None => Ok(writeln!(stdout(), "{number}. {title}\n   {did}\n   $ {command}\n")?),
        }
    }

    fn finish(self) -> Result<()> {
        match self.rows {
            Some(rows) => rows.finish().map(drop),
            None => Ok(writeln!(stdout(), "Everything that was created is deleted again.")?),
        }
    }
}
