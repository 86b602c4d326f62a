//! Exchanges a Teams user's Entra token for an ACS token, so that a user with a Teams account can
//! call as themselves from our app.
//!
//! ACS verifies the token. Before that, its claims are unverified and serve only two purposes: to
//! refuse a token that cannot belong to the caller, and to explain why ACS refused a token.
//!
//! The token belongs to a Teams user and not to an ACS identity of ours, so ACS cannot revoke it.
//! The admission check therefore runs twice, before and after the exchange, and the token is
//! dropped if the user was cut off in between.

use std::time::SystemTime;

use serde::Deserialize;
use tracing::info;

use crate::model::entra::life_fault;
use crate::model::{
    AccessToken, Admission, Bearer, Error, ExternalId, Invocation, Requester, Secret, admit,
};
use crate::ports::{Clock, IdentityStore, TeamsTokenExchange};

pub use crate::model::entra::EntraUser;
pub use crate::model::error::TeamsTokenFault;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct ExchangeTeamsTokenRequest {
    /// The exchange to perform.
    pub exchange: Exchange,
    /// The external ID of the caller.
    pub user: ExternalId,
    /// The bearer token of the caller.
    pub bearer: Bearer,
}

/// The exchange of a Teams user's token.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The Entra token.
    pub token: Secret,
    /// The unverified claims of the token.
    pub claims: UnverifiedClaims,
    /// The Entra application that the token was issued to.
    pub app_id: String,
    /// The caller's IDs in Entra.
    pub caller: EntraUser,
    /// The request being served.
    pub invocation: Invocation,
}

/// The claims of a token that has not been verified yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct UnverifiedClaims {
    /// The user's object ID.
    pub oid: Option<String>,
    /// The tenant's ID.
    pub tid: Option<String>,
    /// When the token expires, in seconds since 1970.
    pub exp: Option<u64>,
    /// The audience of the token.
    pub aud: Option<String>,
    /// The permissions of the token, separated by spaces.
    pub scp: Option<String>,
}

/// Exchanges the token if it belongs to the caller and the caller may have one; otherwise it does
/// not call ACS.
pub async fn exchange_teams_token(
    store: &impl IdentityStore,
    acs: &impl TeamsTokenExchange,
    clock: &impl Clock,
    request: ExchangeTeamsTokenRequest,
) -> Result<AccessToken, Error> {
    let ExchangeTeamsTokenRequest { exchange, user, bearer } = request;
    exchange.check(clock.now())?;
    // The operation writes nothing, so it cannot store a pace; the throttle of the route limits
    // it.
    let requester = Requester::User { bearer, pace: None };
    let admission = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    let token = exchange.redeem(acs, admission, clock.now()).await?;
    // This call only checks whether the token may still be returned.
    let _ = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    info!("Teams user's token exchanged");
    Ok(token)
}

impl Exchange {
    /// Exchanges the token, given an admission.
    pub async fn redeem(
        &self,
        acs: &impl TeamsTokenExchange,
        admission: Admission,
        now: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.check(now)?;
        let Self { token, app_id, caller, invocation, .. } = self;
        let until = invocation.acs_until;
        let exchanged =
            acs.exchange_teams_user_token(admission, token, app_id, &caller.oid, until).await;
        exchanged.map_err(|error| match error {
            Error::TeamsToken(TeamsTokenFault::Invalid) => Error::TeamsToken(self.claims.fault()),
            error => error,
        })
    }

    /// Refuses a token that cannot belong to the caller, or that expires too soon.
    fn check(&self, now: SystemTime) -> Result<(), Error> {
        let Self { claims, caller, .. } = self;
        caller.check(claims.oid.as_deref(), claims.tid.as_deref())?;
        life_fault(claims.exp, now).map_or(Ok(()), |fault| Err(Error::TeamsToken(fault)))
    }
}

impl UnverifiedClaims {
    /// The most likely reason why ACS refused the token.
    fn fault(&self) -> TeamsTokenFault {
        let audience = self.aud.as_deref().unwrap_or_default().trim_end_matches('/');
        let permits = |permission: &str| {
            let scp = self.scp.as_deref().unwrap_or_default();
            scp.split(' ').any(|one| one == permission)
        };
        if !AUDIENCES.contains(&audience) {
            TeamsTokenFault::WrongAudience
        } else if !PERMISSIONS.into_iter().all(permits) {
            TeamsTokenFault::MissingPermission
        } else {
            TeamsTokenFault::Invalid
        }
    }
}

/// The resource whose permissions the token contains, by its URI and by its ID.
const AUDIENCES: [&str; 2] =
    ["https://auth.msft.communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"];

/// The delegated permissions that ACS requires. Both are necessary.
const PERMISSIONS: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Record, State};
    use crate::testing::{
        ManualClock, MemoryIdentityStore, MemoryTeamsTokenExchange, invocation, record, user,
    };

    type Mistake = fn(&mut UnverifiedClaims);

    fn good(clock: &ManualClock) -> UnverifiedClaims {
        let now = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        UnverifiedClaims {
            oid: Some("o-1".to_owned()),
            tid: Some("t-1".to_owned()),
            exp: Some(now + 3600),
            aud: Some("https://auth.msft.communication.azure.com".to_owned()),
            scp: Some("Teams.ManageCalls Teams.ManageChats".to_owned()),
        }
    }

    async fn exchange(
        acs: &MemoryTeamsTokenExchange,
        change: impl FnOnce(&mut UnverifiedClaims),
    ) -> Result<AccessToken, Error> {
        exchange_in(&MemoryIdentityStore::default(), acs, change).await
    }

    async fn exchange_in(
        store: &MemoryIdentityStore,
        acs: &MemoryTeamsTokenExchange,
        change: impl FnOnce(&mut UnverifiedClaims),
    ) -> Result<AccessToken, Error> {
        let clock = ManualClock::default();
        let mut claims = good(&clock);
        change(&mut claims);
        let caller = EntraUser { oid: "o-1".to_owned(), tid: "t-1".to_owned() };
        let token = Secret::new("entra-token");
        let invocation = invocation("exchange", &clock);
        let app_id = "app".to_owned();
        let bearer = Bearer { issued_at: Some(clock.now()), authenticated_at: None };
        let user = user("alice");
        let exchange = Exchange { token, claims, app_id, caller, invocation };
        let request = ExchangeTeamsTokenRequest { exchange, user, bearer };
        exchange_teams_token(store, acs, &clock, request).await
    }

    #[tokio::test]
    async fn the_callers_own_token_is_exchanged() {
        let acs = MemoryTeamsTokenExchange::default();
        assert!(exchange(&acs, |_| {}).await.is_ok());
        assert_eq!(acs.asked(), [("app".to_owned(), "o-1".to_owned())]);
    }

    fn alice(state: State) -> Record {
        record("alice", state, ManualClock::default().now())
    }

    #[tokio::test]
    async fn r59_a_user_who_is_cut_off_gets_no_teams_token_and_acs_is_not_asked() {
        let acs = MemoryTeamsTokenExchange::default();
        let now = ManualClock::default().now();
        let signed_out = Record { not_before: Some(now), ..alice(State::Deleted) };
        for (record, blocked) in [
            (alice(State::blocked("8:acs:1")), true),
            (alice(State::Blocked { acs_id: None }), true),
            (signed_out, false),
        ] {
            let refused = exchange_in(&MemoryIdentityStore::with([record]), &acs, |_| {}).await;
            match refused {
                Err(Error::Blocked) => assert!(blocked),
                Err(Error::SignInRequired) => assert!(!blocked),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(acs.asked(), []);
    }

    #[tokio::test]
    async fn r59_a_cut_off_that_comes_during_the_exchange_drops_the_token() {
        let blocked = alice(State::Blocked { acs_id: None });
        let signed_out = Record {
            not_before: Some(ManualClock::default().now()),
            ..alice(State::active("8:acs:1"))
        };
        for record in [blocked, signed_out] {
            let acs = MemoryTeamsTokenExchange::default();
            let store = MemoryIdentityStore::with([alice(State::active("8:acs:1"))]);
            let meanwhile = store.clone();
            acs.while_answering(move || meanwhile.meanwhile(|_| record));
            assert!(exchange_in(&store, &acs, |_| {}).await.is_err());
            assert_eq!(acs.asked().len(), 1);
        }
    }

    #[tokio::test]
    async fn r15_a_token_of_another_user_is_refused_and_acs_is_not_asked() {
        let acs = MemoryTeamsTokenExchange::default();
        let changes: [Mistake; 4] = [
            |claims| claims.oid = Some("o-2".to_owned()),
            |claims| claims.tid = Some("t-2".to_owned()),
            |claims| claims.oid = None,
            |claims| claims.tid = None,
        ];
        for change in changes {
            let refused = exchange(&acs, change).await;
            assert!(matches!(refused, Err(Error::TeamsToken(TeamsTokenFault::AnotherUser))));
        }
        assert_eq!(acs.asked(), []);
    }

    #[tokio::test]
    async fn a_token_at_its_end_is_refused_before_acs_is_asked() {
        let acs = MemoryTeamsTokenExchange::default();
        for (left, fault) in [
            (599, Some(TeamsTokenFault::Expiring)),
            (0, Some(TeamsTokenFault::Expired)),
            (-1, Some(TeamsTokenFault::Expired)),
            (600, None),
        ] {
            let change = |claims: &mut UnverifiedClaims| {
                claims.exp = claims.exp.map(|exp| (exp - 3600).saturating_add_signed(left));
            };
            match (exchange(&acs, change).await, fault) {
                (Ok(_), None) => {}
                (Err(Error::TeamsToken(found)), Some(expected)) => assert_eq!(found, expected),
                (other, expected) => panic!("{left} s: {other:?} instead of {expected:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_acs_does_not_say_the_token_may() {
        let acs = MemoryTeamsTokenExchange::default();
        acs.refuse(TeamsTokenFault::Invalid);
        let changes: [(Mistake, TeamsTokenFault); 4] = [
            (|claims| claims.aud = None, TeamsTokenFault::WrongAudience),
            (
                |claims| claims.aud = Some("https://graph.microsoft.com".to_owned()),
                TeamsTokenFault::WrongAudience,
            ),
            (
                |claims| claims.scp = Some("Teams.ManageCalls User.Read".to_owned()),
                TeamsTokenFault::MissingPermission,
            ),
            (|_| {}, TeamsTokenFault::Invalid),
        ];
        for (change, expected) in changes {
            let Err(Error::TeamsToken(found)) = exchange(&acs, change).await else {
                panic!("{expected:?} was accepted");
            };
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn what_acs_does_say_is_passed_on() {
        let acs = MemoryTeamsTokenExchange::default();
        for fault in [TeamsTokenFault::WrongApp, TeamsTokenFault::WrongUser] {
            acs.refuse(fault);
            let refused = exchange(&acs, |claims| claims.aud = None).await;
            assert!(matches!(refused, Err(Error::TeamsToken(found)) if found == fault));
        }
    }
}
