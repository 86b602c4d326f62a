//! `guestpass token issue`

use api_types::TokenOutput;
use identity_core::issue_access_token::{
    IssueAccessTokenRequest, TokenSubject, issue_access_token,
};
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::{parse_identity, parse_token_request};
use crate::options::TokenIssueArguments;
use crate::report::Result;

/// Issues a token.
pub(crate) async fn run(arguments: TokenIssueArguments, context: &CommandContext) -> Result<()> {
    let identity = parse_identity(&arguments.user)?;
    let token = parse_token_request(arguments.scope, Some(&arguments.expires_in))?;
    let scopes = token.scopes.clone();
    let session = context.session().await?;
    let subject = TokenSubject::Identity { identity, by: session.administrator() };
    let issued = session
        .run(async |invocation| {
            let request = IssueAccessTokenRequest { subject, token, invocation };
            issue_access_token(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    let output = TokenOutput::new(&issued.token, &issued.acs_id, session.clock.now());
    // The API leaves the scopes out, because the client requested them.
    context.show(&TokenOutput { scopes: Some(scopes), ..output })
}
