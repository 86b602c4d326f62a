//! `guestpass token revoke`

use api_types::ReceiptOutput;
use identity_core::record::{By, Cause};
use identity_core::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};

use crate::commands::{CommandContext, confirm};
use crate::input::{parse_identity, parse_reason};
use crate::options::TokenRevokeArguments;
use crate::report::{CliError, Exit, Result};
use crate::service::ServiceSession;

/// Revokes every token of an identity.
pub(crate) async fn run(arguments: TokenRevokeArguments, context: &CommandContext) -> Result<()> {
    let TokenRevokeArguments { user, block, create, reason, confirmation } = arguments;
    let identity = parse_identity(&user)?;
    let reason = reason.reason.as_deref().map(parse_reason).transpose()?;
    let if_missing = if create { IfMissing::Create } else { IfMissing::Refuse };
    let target = context.target().await?;
    let and = if block { " and block them" } else { "" };
    let question = format!("Revoke every token of {user} {}{and}?", target.in_words());
    confirm(&question, confirmation.yes, &context.environment)?;
    let session = ServiceSession::of(target).await?;
    let cause = Cause { by: By::administrator(session.administrator().id()), reason };
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
    context.show(&ReceiptOutput::from(&receipt))
}
