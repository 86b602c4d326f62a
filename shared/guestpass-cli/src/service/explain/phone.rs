//! Explains why no token of Teams Phone is issued, or why a principal is not assigned.

use identity_core::phone::PhoneFault;

use crate::report::{CliError, Exit};

/// Explains a fault.
pub(super) fn explain(fault: PhoneFault) -> CliError {
    let failure = CliError::new(Exit::Refused, format!("Teams Phone: {fault}"));
    match fault {
        PhoneFault::Off => failure.hint("set the deployment parameter TeamsPhone"),
        PhoneFault::Forged | PhoneFault::KeysUnavailable => {
            failure.hint("send the access token that Entra gave the app, not an ID token or a code")
        }
        PhoneFault::WrongAudience | PhoneFault::MissingConsent => failure.hint(
            "request the token with the scope https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls; an administrator of the tenant must consent to it",
        ),
        PhoneFault::WrongTenant | PhoneFault::WrongClient | PhoneFault::WrongKind => {
            failure.hint("compare with the deployment parameter TeamsPhone")
        }
        PhoneFault::NoClient => CliError::usage(format!("Teams Phone: {fault}"))
            .hint("give the id of the Entra app with --client-id"),
        PhoneFault::NotAssigned => failure.hint(
            "`guestpass phone show` tells what ACS has, and `guestpass phone assign` assigns; the app of the token must be among the client ids",
        ),
        PhoneFault::MissingLicense => failure.hint(
            "give the user a Teams Phone license and enable Enterprise Voice; for a resource account, run Sync-CsOnlineApplicationInstance",
        ),
        PhoneFault::SubscriptionNotAllowed => {
            failure.hint("ask Microsoft's support to enable the Azure subscription")
        }
    }
}
