//! Explains an error of the service to the user of the tool: why, and what to do.

mod phone;

use std::error::Error as _;
use std::time::Duration;

use acs_client::{Answered, ErrorCause, Mistake, Silence, Unanswered};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use identity_core::Error;
use identity_core::exchange_teams_token::TeamsTokenFault;

use crate::report::{CliError, Exit, chain};
use crate::service::Target;
use crate::service::aws::no_credentials;

/// Explains an error.
pub(crate) fn explain(error: &Error, target: &Target) -> CliError {
    let failure = match error {
        Error::Blocked => CliError::new(Exit::Refused, "the user is blocked")
            .because("a blocked user gets no token until an administrator unblocks them")
            .hint("`guestpass user history` tells by whom; `guestpass user unblock` lifts it"),
        Error::NotFound => CliError::new(Exit::NotFound, "identity not found")
            .because(format!(
                "the table {} has no record that goes by this name",
                target.table.as_deref().unwrap_or_default()
            ))
            .hint("`guestpass identity list` shows those there are; an external id stands as it is, an ACS id begins with 8:"),
        Error::Busy { retry_after } => {
            CliError::new(Exit::Later, "another request is changing this identity")
                .hint(again(*retry_after))
        }
        Error::Throttled { retry_after, .. } => {
            CliError::new(Exit::Later, "ACS throttles requests")
                .because("the limit covers all requests to the resource, including those of the service")
                .hint(again(*retry_after))
        }
        Error::TeamsToken(fault) => teams_token(*fault),
        Error::TeamsPhone(fault) => phone::explain(*fault),
        Error::AcsUnavailable { .. } => acs_unavailable(error, target),
        Error::AcsRefused(_) | Error::ForeignIdentity(_) => acs_refused(error, target),
        Error::UnknownResource(resource) => {
            CliError::new(Exit::Refused, "the ACS resource of the identity is not configured")
                .because(format!(
                    "the record names the resource `{resource}`, and there are connection strings of: {}",
                    target.resources.names()
                ))
                .hint("use the secret of the deployed service (--secret), which has one of each resource")
        }
        Error::StoreUnavailable(_) => store_unavailable(error, target),
        Error::StoreRefused(_) => store_refused(error, target),
        Error::Stuck => CliError::new(Exit::Failed, "the identity is stuck")
            .because("ACS refused its deletion or a revocation six times")
            .hint("fix the cause in ACS, then run `guestpass identity delete` or `guestpass token revoke` again"),
        Error::GuestsDisabled => CliError::new(Exit::Refused, "guests are not enabled")
            .because("the policy has no member `guests`")
            .hint("add it to the policy, for example \"guests\": {}"),
        Error::InvitationRefused(refusal) => {
            CliError::new(Exit::Refused, "the invitation gives no token")
                .because(refusal.to_string())
        }
        Error::InvalidInvitation(_) => CliError::new(Exit::Usage, error.to_string()),
        Error::ReservedExternalId => CliError::new(Exit::Usage, error.to_string())
            .hint("only an invitation makes a guest"),
        // These errors concern bearers and events, which the tool does not handle.
        Error::BeyondPolicy
        | Error::SignInRequired
        | Error::TooManyTokens { .. }
        | Error::TooManySignOuts { .. }
        | Error::EventFromTheFuture
        | Error::Internal(_) => CliError::new(Exit::Failed, error.to_string()),
    };
    failure.caused_by(error)
}

fn again(after: Duration) -> String {
    format!("try again in {} s", after.as_secs().max(1))
}

fn acs_unavailable(error: &Error, target: &Target) -> CliError {
    let failure = CliError::new(Exit::Later, "ACS is unavailable");
    if let Some(answered) = Answered::of(error) {
        return failure.because(answered.cause().to_string()).hint(match answered.cause() {
            ErrorCause::Failed => "try again in a minute".to_owned(),
            _ => format!(
                "check that {} is an ACS resource, and what is in between",
                target.endpoints()
            ),
        });
    }
    let silence = error.source().and_then(|source| source.downcast_ref::<Unanswered>());
    let why = silence.map_or_else(|| error.to_string(), |unanswered| unanswered.why().to_string());
    let is_unreachable = silence.is_some_and(|it| matches!(it.why(), Silence::NotConnected(_)));
    let todo = match (target.stack(), is_unreachable) {
        (Some(_), true) => "the local stack is not running: start it with `make run`".to_owned(),
        (None, true) => {
            format!(
                "check the name in the endpoint ({}), and that this machine reaches it",
                target.endpoints()
            )
        }
        (_, false) => "try again".to_owned(),
    };
    failure.because(why).hint(todo)
}

fn acs_refused(error: &Error, target: &Target) -> CliError {
    let failure = CliError::new(Exit::Refused, "ACS refuses the request");
    let Some(answered) = Answered::of(error) else {
        return failure.because(chain(error).join(": "));
    };
    let hint = match answered.cause() {
        ErrorCause::IdentityNotOwned if target.table.is_none() => {
            "compare the id with the one that its creation printed, and use the connection string of the resource that created it"
        }
        cause => remedy(cause),
    };
    failure.because(answered.cause().to_string()).hint(hint)
}

/// The remedy for an error of ACS.
pub(crate) fn remedy(cause: &ErrorCause) -> &'static str {
    match cause {
        ErrorCause::KeyRefused => {
            "copy the connection string again from the resource's page \"Keys\" in the Azure portal"
        }
        ErrorCause::Denied => {
            "give the principal the role Contributor on the Communication Services resource"
        }
        ErrorCause::ClockSkew { .. } => "set this machine's clock (NTP)",
        ErrorCause::IdentityNotOwned => {
            "use the connection string of the resource that made the identities in the table, or the table that belongs to this resource"
        }
        ErrorCause::IdentityLost => {
            "if this repeats, delete the identity: the next request of the user creates another"
        }
        ErrorCause::PrincipalType { .. } => {
            "set `resourceAccountName` of the parameter TeamsPhone (or --resource-account-name) to the other spelling"
        }
        ErrorCause::NoSuchOperation | ErrorCause::Redirected | ErrorCause::Nonsense => {
            "check the endpoint in the connection string: https://<resource>.communication.azure.com/"
        }
        ErrorCause::UnsupportedApiVersion { .. } => "leave --api-version and ACS_API_VERSION out",
        ErrorCause::ApiVersionUnspecified => "look for a proxy in between that removes the query",
        ErrorCause::InvalidAccessToken => {
            "ask Entra for a fresh token for https://auth.msft.communication.azure.com with Teams.ManageCalls and Teams.ManageChats"
        }
        ErrorCause::AppId(Mistake::Malformed | Mistake::Missing) => {
            "give the application (client) id, a GUID, as --app-id"
        }
        ErrorCause::AppId(Mistake::Mismatched) => {
            "give the id of the application the token was issued to (its claim appid)"
        }
        ErrorCause::UserId(Mistake::Malformed | Mistake::Missing) => {
            "give the user's object id, a GUID, as --user-id"
        }
        ErrorCause::UserId(Mistake::Mismatched) => {
            "give the object id of the token's own user (its claim oid)"
        }
        _ => "try again; --debug gives the ids that Microsoft's support asks for",
    }
}

fn teams_token(fault: TeamsTokenFault) -> CliError {
    CliError::new(Exit::Refused, "the Teams user's token cannot be exchanged")
        .because(fault.to_string())
        .hint(teams_remedy(fault))
}

/// The remedy for a fault of a Teams user's token.
pub(crate) fn teams_remedy(fault: TeamsTokenFault) -> &'static str {
    match fault {
        TeamsTokenFault::AnotherUser | TeamsTokenFault::WrongUser => {
            "give the object id of the token's own user (its claim oid) as --user-id"
        }
        TeamsTokenFault::Expired | TeamsTokenFault::Expiring => {
            "sign the user in again: the exchanged token lives as long as this one"
        }
        TeamsTokenFault::WrongAudience => {
            "ask Entra for the scopes https://auth.msft.communication.azure.com/Teams.ManageCalls and …/Teams.ManageChats"
        }
        TeamsTokenFault::MissingPermission => {
            "give the Entra application both delegated permissions, Teams.ManageCalls and Teams.ManageChats"
        }
        TeamsTokenFault::WrongApp => {
            "give the client id of the application the token was issued to (its claim appid) as --app-id"
        }
        TeamsTokenFault::Invalid => {
            "sign the user in again; `guestpass token inspect` shows what the token says"
        }
    }
}

/// Explains a failed request to an AWS service.
pub(crate) fn explain_aws<E>(error: &SdkError<E>, service: &str, needs: &str) -> CliError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let texts = chain(error);
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let failure = match code {
        "" => CliError::new(Exit::Later, format!("{service} cannot be reached"))
            .because(texts.last().cloned().unwrap_or_default())
            .hint("check the AWS credentials, the region and the network; then try again"),
        code if code.contains("AccessDenied") => {
            CliError::new(Exit::Refused, format!("{service} refuses the request"))
                .because("these AWS credentials may not do it")
                .hint(format!("use a role that has {needs}"))
        }
        code => {
            let told = error.as_service_error().and_then(ProvideErrorMetadata::message);
            CliError::new(Exit::Refused, format!("{service} refuses the request"))
                .because(told.map_or_else(|| code.to_owned(), |told| format!("{told} ({code})")))
                .hint("check the name, the region and the profile")
        }
    };
    failure.caused_by(error)
}

fn store_unavailable(error: &Error, target: &Target) -> CliError {
    let texts = chain(error);
    let last = texts.last().cloned().unwrap_or_default();
    let failure = CliError::new(Exit::Later, "the table cannot be reached").because(last);
    let speaks_of = |word: &str| texts.iter().any(|text| text.to_ascii_lowercase().contains(word));
    if target.stack().is_some() {
        failure.hint("the local stack is not running: start it with `make run`")
    } else if speaks_of("credential") || speaks_of("sso") || speaks_of("identity resolver") {
        no_credentials()
    } else {
        failure
            .hint("check the region and that this machine reaches DynamoDB there; then try again")
    }
}

fn store_refused(error: &Error, target: &Target) -> CliError {
    let texts = chain(error);
    let has = |code: &str| texts.iter().any(|text| text.contains(code));
    let table = target.table.as_deref().unwrap_or_default();
    // A change and its entry in the audit log are written in one request.
    let audit = target.audit_table.as_ref().map(|audit| format!(" or {}", audit.name));
    let audit = audit.unwrap_or_default();
    let failure = CliError::new(Exit::Refused, "DynamoDB refuses the request");
    let is_missing = has("ResourceNotFoundException");
    if is_missing && target.stack().is_some() {
        failure
            .because(format!("the local stack has no table {table}"))
            .hint("leave --table out: the stack says itself which table is its own")
    } else if is_missing {
        failure
            .because(format!(
                "table {table}{audit} does not exist in this account and region, or lacks an index"
            ))
            .hint(match target.audit_table {
                None => "check --table or GUESTPASS_TABLE, the region and the profile",
                Some(_) => "check GUESTPASS_TABLE and GUESTPASS_AUDIT_TABLE (or --table and --audit-table), the region and the profile",
            })
    } else if has("AccessDenied") {
        failure
            .because(format!("these AWS credentials may not use the table {table}{audit}"))
            .hint(match target.audit_table {
                None => "use a role that may GetItem, UpdateItem and Query on the table and its indexes",
                Some(_) => "use a role that may GetItem, UpdateItem and Query on the table and its indexes, and PutItem on the table of the audit log",
            })
    } else if has("UnrecognizedClient")
        || has("ExpiredToken")
        || has("InvalidSignature")
        || has("IncompleteSignature")
    {
        failure
            .because("it does not accept the AWS credentials")
            .hint("sign in again (`aws sso login`), or check AWS_PROFILE and the key")
    } else {
        failure.because(texts.last().cloned().unwrap_or_default())
    }
}
