//! `guestpass token revoke`

use clap::Args;
use identity_core::{
    identity::AcsId,
    record::{By, Cause, Receipt, ReceiptId},
    revoke_access_tokens::{Request, revoke_access_tokens},
};
use serde::Serialize;

use super::{Context, identity};
use crate::{
    confirm::confirm,
    failure::{Exit, Failure, Result},
    moment,
    output::Row,
    world::World,
};

/// Whose tokens.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The external id or the ACS id
    #[arg(long, value_name = "ID")]
    user: String,
    /// No new token, either, until somebody unblocks the user; by external id also for
    /// somebody who was never seen
    #[arg(long)]
    block: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What was done, and from when on it can be relied upon.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    receipt_id: ReceiptId,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<AcsId>,
    epoch: u64,
    blocked: bool,
    accepted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_by: Option<String>,
}

impl From<Receipt> for Shown {
    fn from(receipt: Receipt) -> Self {
        Self {
            epoch: receipt.epoch,
            blocked: receipt.blocked,
            accepted_at: moment::show(receipt.accepted_at),
            revoked_at: receipt.revoked_at.map(moment::show),
            effective_by: receipt.effective_by().map(moment::show),
            receipt_id: receipt.id,
            identity: receipt.identity,
        }
    }
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] =
        &["receipt", "ACS id", "epoch", "blocked", "accepted", "revoked", "effective by"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.receipt_id.0.clone(),
            self.identity.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.epoch.to_string(),
            if self.blocked { "yes" } else { "no" }.to_owned(),
            self.accepted_at.clone(),
            self.revoked_at.clone().unwrap_or_default(),
            self.effective_by.clone().unwrap_or_default(),
        ]
    }
}

/// Revokes every token of an identity.
pub(crate) async fn run(arguments: Arguments, context: &Context) -> Result<()> {
    let Arguments { user, block, yes } = arguments;
    let identity = identity(&user)?;
    let target = context.target()?;
    let and = if block { " and block them" } else { "" };
    let question = format!("Revoke every token of {user} {}{and}?", target.in_words());
    confirm(&question, yes, &context.around)?;
    let world = World::of(target).await?;
    let receipt = world
        .serve(async |invocation| {
            let cause = Cause::of(By::Administrator);
            let request = Request { identity, block, cause, invocation };
            revoke_access_tokens(&world.store, &world.acs, &world.clock, request).await
        })
        .await?
        .ok_or_else(|| {
            Failure::new(Exit::NotFound, "there is nothing to revoke")
                .because("no identity goes by this name")
                .so("`guestpass identity list` shows those there are; to block somebody who was never seen, give their external id and --block")
        })?;
    context.show(&Shown::from(receipt))
}
