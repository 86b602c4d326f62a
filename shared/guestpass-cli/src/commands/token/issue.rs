//! `guestpass token issue`

use identity_core::{
    issue_access_token::{IssueAccessTokenRequest, TokenSubject, issue_access_token},
    ports::Clock as _,
};

use crate::{
    commands::context::CommandContext,
    input::values::{parse_identity, parse_token_request},
    options::TokenIssueArguments,
    report::{error::Result, views::TokenView},
};

/// Issues a token.
pub(crate) async fn run(arguments: TokenIssueArguments, context: &CommandContext) -> Result<()> {
    let identity = parse_identity(&arguments.user)?;
    let token = parse_token_request(&arguments.scope, Some(&arguments.expires_in))?;
    let scopes = token.scopes.clone();
    let session = context.session().await?;
    let subject = TokenSubject::Identity { identity, by: session.administrator() };
    let issued = session
        .run(async |invocation| {
            let request = IssueAccessTokenRequest { subject, token, invocation };
            issue_access_token(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    context.show(&TokenView::new(
        &issued.token,
        Some((&issued.acs_id, &scopes)),
        session.clock.now(),
    ))
}
