//! `guestpass phone assign`

use api_types::PhoneAssignmentOutput;
use identity_core::identity::IdentityRef;
use identity_core::phone::{
    PhonePrincipal, PhoneSettings, PrincipalType, ResourceAccountName, TeamsExtensionAssignment,
};
use identity_core::ports::Clock as _;
use identity_core::teams_phone::{AssignPhoneRequest, Assignee, assign_phone};

use crate::commands::CommandContext;
use crate::input::parse_identity;
use crate::options::{PhoneAccountName, PhoneAssignArguments, PhoneKind};
use crate::report::{CliError, Result};
use crate::service::acs_client;

/// Assigns a principal.
pub(crate) async fn run(arguments: PhoneAssignArguments, context: &CommandContext) -> Result<()> {
    let PhoneAssignArguments { principal, kind, client_id, user, resource_account_name } =
        arguments;
    let user = user.as_deref().map(parse_identity).transpose()?.map(|identity| match identity {
        IdentityRef::External(user) => Ok(user),
        IdentityRef::Acs(_) => {
            Err(CliError::usage("invalid value for --user: expected an external id"))
        }
    });
    let PhonePrincipal { tenant_id, object_id } = principal.into();
    let principal_type = match kind {
        PhoneKind::User => PrincipalType::User,
        PhoneKind::ResourceAccount => PrincipalType::ResourceAccount,
    };
    let assignment =
        TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids: client_id };
    let settings = PhoneSettings::of_operator(&assignment);
    let user = user.transpose()?;
    let session = context.session().await?;
    let name = match resource_account_name {
        PhoneAccountName::Specified => ResourceAccountName::Specified,
        PhoneAccountName::Documented => ResourceAccountName::Documented,
    };
    let acs = acs_client(&session.target).await?.spelling_resource_accounts(name);
    let by = Assignee::Administrator(session.administrator());
    let entry = session
        .run(async |invocation| {
            let request = AssignPhoneRequest { assignment, user, by, invocation };
            assign_phone(&session.store, &acs, &session.clock, &settings, &request).await
        })
        .await?;
    context.show(&PhoneAssignmentOutput::of(&entry, session.clock.now()))
}
