//! Checks a user's token for Teams Phone: what it says, what ACS has, and whether ACS exchanges it.

use identity_core::Error;
use identity_core::phone::{Guid, PhoneClaims, PhoneFault, PrincipalType};
use identity_core::ports::TeamsPhoneClient as _;
use identity_core::secret::Secret;

use crate::checks::Check;
use crate::input::UnverifiedJwt;
use crate::report::Result;
use crate::service::{Target, acs_client, explain, invocation, operator};

/// Checks a token. ACS stores nothing, and the new token is dropped.
pub(crate) async fn look(token: &str, target: &Target) -> Result<Check> {
    let bad = |finding: &str, remedy: &str| Ok(Check::bad(ABOUT, finding, remedy));
    let read = UnverifiedJwt::read(token)
        .and_then(|read| serde_json::from_value(serde_json::Value::Object(read.claims)).ok());
    let Some(claims): Option<PhoneClaims> = read else {
        return bad(
            "not a JSON Web Token of Entra",
            "send the access token that Entra gave the app, not an ID token or a code",
        );
    };
    let failed = |fault: PhoneFault| Ok(Check::failed(ABOUT, &explain(&fault.into(), target)));
    if !claims.is_for_acs() {
        return failed(PhoneFault::WrongAudience);
    }
    if !claims.permits("TeamsExtension.ManageCalls") {
        return failed(PhoneFault::MissingConsent);
    }
    let (Some(principal), Some(client)) = (claims.principal(), claims.client()) else {
        return bad(
            "it names no user of a tenant, or no app",
            "sign the user in: a token of the app alone is not for Teams Phone",
        );
    };
    let acs = acs_client(target).await?;
    let until = invocation(&target.clock).acs_until;
    let found = match acs.find_assignment(&principal, until).await {
        Ok(found) => found,
        Err(error) => return Ok(Check::failed(ABOUT, &explain(&error, target))),
    };
    let Some(assignment) = found else { return failed(PhoneFault::NotAssigned) };
    let is_listed = assignment.client_ids.is_empty() || assignment.client_ids.contains(&client);
    if !is_listed || assignment.principal_type != PrincipalType::User {
        let clients: Vec<&str> = assignment.client_ids.iter().map(Guid::as_str).collect();
        let kind = &assignment.principal_type;
        return bad(
            &format!("the assignment is of a {kind} for {clients:?}, the token is of {client}"),
            "`guestpass phone assign` replaces the assignment",
        );
    }
    let token = Secret::new(token);
    let exchanged = acs.exchange_phone_token(operator::admission(), &token, until).await;
    Ok(match exchanged {
        Ok(_) => Check::good(ABOUT, "its user is assigned, and ACS exchanges it"),
        // The assignment is right, so something else at Microsoft is missing.
        Err(Error::TeamsPhone(PhoneFault::NotAssigned)) => Check::bad(
            ABOUT,
            "ACS does not exchange it, although its user is assigned",
            "check that it has not expired, that the tenant has the service principal of ACS, and that the user has a Teams Phone license",
        ),
        Err(error) => Check::failed(ABOUT, &explain(&error, target)),
    })
}

const ABOUT: &str = "Teams Phone token";
