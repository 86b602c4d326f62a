//! `guestpass token issue`

use api_types::TokenOutput;
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::identity::{IdentityRef, TokenRequest};
use identity_core::issue_access_token::{
    IssueAccessTokenRequest, TokenSubject, issue_access_token,
};
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::{generated_external_id, parse_identity, parse_token_request};
use crate::options::TokenIssueArguments;
use crate::report::{CliError, Result};
use crate::service::{IdentityBackend, ServiceSession, acs_id};

/// Issues a token.
pub(crate) async fn run(arguments: TokenIssueArguments, context: &CommandContext) -> Result<()> {
    let user = arguments.user.as_deref().map(parse_identity).transpose()?;
    let token = parse_token_request(arguments.scope, Some(&arguments.expires_in))?;
    let issued = match (context.backend().await?, user) {
        (IdentityBackend::Acs(alone), user) => {
            alone.issue_token(user.map(acs_id).transpose()?.as_ref(), &token).await?
        }
        (IdentityBackend::Service(session), Some(user)) => issue(&session, user, token).await?,
        (IdentityBackend::Service(session), None) => create(&session, token).await?,
    };
    context.show(&issued)
}

async fn issue(
    session: &ServiceSession,
    identity: IdentityRef,
    token: TokenRequest,
) -> Result<TokenOutput> {
    let scopes = token.scopes.clone();
    let subject = TokenSubject::Identity { identity, by: session.administrator() };
    let issued = session
        .run(async |invocation| {
            let request = IssueAccessTokenRequest { subject, token, invocation };
            issue_access_token(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    let output = TokenOutput::new(&issued.token, &issued.acs_id, session.clock.now());
    // The API leaves the scopes out, because the client requested them.
    Ok(TokenOutput { scopes: Some(scopes), ..output })
}

/// Creates an identity of a user with a generated name, together with the token.
async fn create(session: &ServiceSession, token: TokenRequest) -> Result<TokenOutput> {
    let scopes = token.scopes.clone();
    let user = generated_external_id()?;
    let resource = session.target.resources.for_new_identity(None)?;
    let created = session
        .run(async |invocation| {
            let (by, token) = (session.administrator(), Some(token));
            let request = CreateIdentityRequest { user, token, resource, by, invocation };
            create_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    let token = created.token.ok_or_else(|| {
        CliError::usage("the identity was created, but no token was issued")
            .hint(format!("guestpass token issue --user {}", created.acs_id))
    })?;
    let output = TokenOutput::new(&token, &created.acs_id, session.clock.now());
    Ok(TokenOutput { scopes: Some(scopes), ..output })
}
