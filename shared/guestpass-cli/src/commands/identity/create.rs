//! `guestpass identity create`

use api_types::TokenOutput;
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::identity::TokenRequest;
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::{generated_external_id, parse_external_id, parse_token_request};
use crate::options::IdentityCreateArguments;
use crate::report::{CreatedIdentityView, Result};
use crate::service::{IdentityBackend, needs_table};

/// Creates an identity, or finds the existing one.
pub(crate) async fn run(
    arguments: IdentityCreateArguments,
    context: &CommandContext,
) -> Result<()> {
    let IdentityCreateArguments { external_id, with_token, scope, expires_in, resource } =
        arguments;
    let token =
        with_token.then(|| parse_token_request(scope, expires_in.as_deref())).transpose()?;
    let user = external_id.as_deref().map(parse_external_id).transpose()?;
    match (context.backend().await?, user) {
        (IdentityBackend::Acs(_), Some(_)) => Err(needs_table(
            "--external-id",
            "ACS does not know your users: a record in the table says whose identity is whose",
        )),
        (IdentityBackend::Acs(alone), None) => {
            alone.target.resources.for_new_identity(resource.as_deref())?;
            context.show(&alone.create_identity(token.as_ref()).await?)
        }
        (IdentityBackend::Service(session), user) => {
            let user = user.map_or_else(generated_external_id, Ok)?;
            let place = session.target.resources.for_new_identity(resource.as_deref())?;
            let scopes = token.as_ref().map(|token: &TokenRequest| token.scopes.clone());
            let obtained = session
                .run(async |invocation| {
                    let by = session.administrator();
                    let request =
                        CreateIdentityRequest { user, token, resource: place, by, invocation };
                    create_identity(&session.store, &session.acs, &session.clock, request).await
                })
                .await?;
            let token = obtained.token.as_ref().zip(scopes).map(|(token, scopes)| {
                let output = TokenOutput::new(token, &obtained.acs_id, session.clock.now());
                TokenOutput { scopes: Some(scopes), ..output }
            });
            let view = CreatedIdentityView::new(&obtained.record, obtained.created, token);
            context.show(&view.with_resource(session.resource_of(&obtained.record)))
        }
    }
}
