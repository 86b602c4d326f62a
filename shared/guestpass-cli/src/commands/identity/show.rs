//! `guestpass identity show`

use api_types::IdentityOutput;
use identity_core::get_identity::get_identity;

use crate::commands::CommandContext;
use crate::input::parse_identity;
use crate::options::IdentityShowArguments;
use crate::report::{PlacedIdentity, Result};

/// Shows an identity.
pub(crate) async fn run(arguments: IdentityShowArguments, context: &CommandContext) -> Result<()> {
    let identity = parse_identity(&arguments.identity)?;
    let session = context.session().await?;
    let record = session.run(async |_| get_identity(&session.store, &identity).await).await?;
    let output = IdentityOutput::with_history(&record);
    match session.resource_of(&record) {
        Some(resource) => context.show(&PlacedIdentity::new(output, &resource)),
        None => context.show(&output),
    }
}
