//! Checks a Teams user's token: does ACS exchange it?

use identity_core::exchange_teams_token::{EntraUser, Exchange, UnverifiedClaims};
use identity_core::ports::Clock as _;
use identity_core::secret::Secret;

use crate::checks::Check;
use crate::input::UnverifiedJwt;
use crate::report::Result;
use crate::service::{Target, acs_client, explain, invocation, operator};

/// Checks a token by exchanging it. ACS stores nothing, and the new token is dropped.
pub(crate) async fn look(
    token: &str,
    app_id: &str,
    user_id: &str,
    target: &Target,
) -> Result<Check> {
    let read = UnverifiedJwt::read(token);
    let Some(read) = read else {
        return Ok(Check::bad(
            "Teams token",
            "not a JSON Web Token",
            "send the access token that Entra gave the app, not an ID token or a code",
        ));
    };
    let said = read.text("oid").unwrap_or_default().to_owned();
    if !said.eq_ignore_ascii_case(user_id) {
        return Ok(Check::bad(
            "Teams token",
            format!("its user is {said:?}, not {user_id:?}"),
            "give the object id of the token's own user (its claim oid) as --teams-user-id",
        ));
    }
    let claims: UnverifiedClaims =
        serde_json::from_value(serde_json::Value::Object(read.claims)).unwrap_or_default();
    let caller = EntraUser { oid: user_id.to_owned(), tid: claims.tid.clone().unwrap_or_default() };
    let exchange = Exchange {
        token: Secret::new(token),
        claims,
        app_id: app_id.to_owned(),
        caller,
        invocation: invocation(&target.clock),
    };
    let acs = acs_client(target).await?;
    let exchanged = exchange.redeem(&acs, operator::admission(), target.clock.now()).await;
    Ok(match exchanged {
        Ok(_) => Check::good("Teams token", "ACS exchanges it"),
        Err(error) => Check::failed("Teams token", &explain(&error, target)),
    })
}
