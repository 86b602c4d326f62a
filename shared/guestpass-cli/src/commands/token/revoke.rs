//! `guestpass token revoke`

use api_types::ReceiptOutput;
use identity_core::identity::IdentityRef;
use identity_core::record::{By, Cause};
use identity_core::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};

use crate::commands::{CommandContext, confirm};
use crate::input::{parse_identity, parse_reason};
use crate::options::TokenRevokeArguments;
use crate::report::{CliError, Exit, Result};
use crate::service::{IdentityBackend, ServiceSession, acs_id, needs_table};

/// Revokes every token of an identity.
pub(crate) async fn run(arguments: TokenRevokeArguments, context: &CommandContext) -> Result<()> {
    let TokenRevokeArguments { user, block, create, reason, confirmation } = arguments;
    let identity = parse_identity(&user)?;
    let reason = reason.reason.as_deref().map(parse_reason).transpose()?;
    let backend = context.backend().await?;
    let and = if block { " and block them" } else { "" };
    let question = format!("Revoke every token of {user} {}{and}?", backend.target().in_words());
    let ask = || confirm(&question, confirmation.yes, &context.environment);
    match &backend {
        IdentityBackend::Acs(_) if block => {
            Err(needs_table("--block", "a record in the table says who is blocked"))
        }
        IdentityBackend::Acs(_) if reason.is_some() => {
            Err(needs_table("--reason", "the reason is stored with a record in the table"))
        }
        IdentityBackend::Acs(alone) => {
            let acs_id = acs_id(identity)?;
            ask()?;
            context.show(&alone.revoke_tokens(&acs_id).await?)
        }
        IdentityBackend::Service(session) => {
            ask()?;
            let cause = Cause { by: By::administrator(session.administrator().id()), reason };
            let if_missing = if create { IfMissing::Create } else { IfMissing::Refuse };
            context.show(&revoke(session, identity, block, if_missing, cause).await?)
        }
    }
}

async fn revoke(
    session: &ServiceSession,
    identity: IdentityRef,
    block: bool,
    if_missing: IfMissing,
    cause: Cause,
) -> Result<ReceiptOutput> {
    let receipt = session
        .run(async |invocation| {
            let request = RevokeAccessTokensRequest { identity, block, bearer: None, if_missing, pace: None, cause, invocation };
            revoke_access_tokens(&session.store, &session.acs, &session.clock, request).await
        })
        .await
        .map_err(|failure| match failure.exit {
            Exit::Later => failure.hint(
                "the tokens may still be valid: run the same command again",
            ),
            Exit::NotFound if block => CliError::new(Exit::NotFound, "no record of this user")
                .because("the external id may have a typing mistake, or the user never asked for a token")
                .hint("check the name; to block them before their first call, give --create"),
            _ => failure,
        })?;
    Ok(ReceiptOutput::from(&receipt))
}
