//! `guestpass identity create`

use api_types::TokenOutput;
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::identity::ExternalId;
use identity_core::ports::Clock as _;

use crate::commands::CommandContext;
use crate::input::parse_token_request;
use crate::options::IdentityCreateArguments;
use crate::report::{CliError, CreatedIdentityView, Result};

/// Creates an identity, or finds the existing one.
pub(crate) async fn run(
    arguments: IdentityCreateArguments,
    context: &CommandContext,
) -> Result<()> {
    let IdentityCreateArguments { external_id, with_token, scope, expires_in, resource } =
        arguments;
    let token =
        with_token.then(|| parse_token_request(scope, expires_in.as_deref())).transpose()?;
    let scopes = token.as_ref().map(|token| token.scopes.clone());
    // The service generates names in the same form.
    let name = external_id.unwrap_or_else(|| format!("generated|{}", uuid::Uuid::new_v4()));
    let user = ExternalId::parse_named(&name).ok_or_else(|| {
        CliError::usage(format!("{name:?} is not a valid external id"))
            .because(
                "it has 1 to 1,024 visible ASCII characters and does not begin with 8: or guest|",
            )
            .hint("use <issuer>|<subject> for a user who signs in")
    })?;
    let session = context.session().await?;
    let resource = session.target.resources.for_new_identity(resource.as_deref())?;
    let obtained = session
        .run(async |invocation| {
            let by = session.administrator();
            let request = CreateIdentityRequest { user, token, resource, by, invocation };
            create_identity(&session.store, &session.acs, &session.clock, request).await
        })
        .await?;
    let token = obtained.token.as_ref().zip(scopes.as_ref()).map(|(token, scopes)| {
        let output = TokenOutput::new(token, &obtained.acs_id, session.clock.now());
        TokenOutput { scopes: Some(scopes.clone()), ..output }
    });
    let view = CreatedIdentityView::new(&obtained.record, obtained.created, token);
    context.show(&view.with_resource(session.resource_of(&obtained.record)))
}
