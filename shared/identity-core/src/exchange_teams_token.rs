//! Exchange a Teams user's Entra token for an ACS token: somebody with a Teams
//! account calls as themselves, from an app of ours.
//!
//! ACS verifies the token. Until it has, what the token says is hearsay, and good for
//! two things only: to refuse what cannot be the caller's own, and to explain why ACS
//! refused the rest.
//!
//! The token is a Teams user's, and no ACS identity of ours stands behind it: ACS cannot
//! revoke it. So the gate is passed twice, before the exchange and after it, and a token
//! around which its user was cut off is dropped.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tracing::info;

use crate::{
    Error,
    admission::{Admission, Bearer, Requester, admit},
    identity::{AccessToken, ExternalId, Invocation},
    ports::{Clock, IdentityStore, TeamsTokenExchange},
    secret::Secret,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to be exchanged.
    pub exchange: Exchange,
    /// Who asks, as their record is named.
    pub user: ExternalId,
    /// With which bearer.
    pub bearer: Bearer,
}

/// A Teams user's token that is to be exchanged.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The Entra token.
    pub token: Secret,
    /// What it says.
    pub claims: UnverifiedClaims,
    /// The Entra application that the token was issued to.
    pub app_id: String,
    /// Who asks, as Entra names them.
    pub caller: EntraUser,
    /// The request being served.
    pub invocation: Invocation,
}

/// A user of Entra, as our own authorizer vouched for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraUser {
    /// The object id.
    pub oid: String,
    /// The tenant id.
    pub tid: String,
}

/// What a token says that nobody has verified yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct UnverifiedClaims {
    /// The user's object id.
    pub oid: Option<String>,
    /// The tenant's id.
    pub tid: Option<String>,
    /// When it ends, in seconds since 1970.
    pub exp: Option<u64>,
    /// Whom it is for.
    pub aud: Option<String>,
    /// What it permits, separated by spaces.
    pub scp: Option<String>,
}

/// What is wrong with a Teams user's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TeamsTokenFault {
    /// It is somebody else's than the caller's.
    #[error("it is not the caller's own")]
    AnotherUser,
    /// It has expired.
    #[error("it has expired")]
    Expired,
    /// It has too little life left: the clients renew ten minutes before the end.
    #[error("it has less than ten minutes left")]
    Expiring,
    /// It is for another service.
    #[error("its audience is not ACS")]
    WrongAudience,
    /// It lacks `Teams.ManageCalls` or `Teams.ManageChats`.
    #[error("it lacks a permission")]
    MissingPermission,
    /// It was issued to another application than was said, or that is no GUID.
    #[error("the application is not the one it was issued to")]
    WrongApp,
    /// ACS says that it is another user's.
    #[error("ACS takes it for another user's")]
    WrongUser,
    /// ACS does not say what is wrong with it, nor does the token.
    #[error("ACS does not accept it")]
    Invalid,
}

/// Exchanges the token, if it is the caller's own and the caller may have one; otherwise ACS is
/// not even asked.
pub async fn exchange_teams_token(
    store: &impl IdentityStore,
    acs: &impl TeamsTokenExchange,
    clock: &impl Clock,
    request: Request,
) -> Result<AccessToken, Error> {
    let Request { exchange, user, bearer } = request;
    exchange.check(clock.now())?;
    // Without a write there is nothing to keep a pace in: the route's own throttle bounds it.
    let requester = Requester::User { bearer, pace: None };
    let admission = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    let token = exchange.redeem(acs, admission, clock.now()).await?;
    // Only the right to hand it out is of interest now.
    let _ = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    info!("Teams user's token exchanged");
    Ok(token)
}

impl Exchange {
    /// Exchanges the token for those who have an admission.
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

    /// Refuses what cannot be the caller's own, or is at its end.
    fn check(&self, now: SystemTime) -> Result<(), Error> {
        let Self { claims, caller, .. } = self;
        let said = |claim: &Option<String>, is: &str| {
            // An empty claim names no user.
            !is.is_empty() && claim.as_deref().is_some_and(|claim| claim.eq_ignore_ascii_case(is))
        };
        if !said(&claims.oid, &caller.oid) || !said(&claims.tid, &caller.tid) {
            return Err(Error::TeamsToken(TeamsTokenFault::AnotherUser));
        }
        claims.life_fault(now).map_or(Ok(()), |fault| Err(Error::TeamsToken(fault)))
    }
}

impl UnverifiedClaims {
    fn life_fault(&self, now: SystemTime) -> Option<TeamsTokenFault> {
        let ends = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.exp?))?;
        match ends.duration_since(now) {
            Ok(left) if left >= LEAST_LIFE => None,
            Ok(left) if !left.is_zero() => Some(TeamsTokenFault::Expiring),
            _ => Some(TeamsTokenFault::Expired),
        }
    }

    /// The likeliest reason why ACS does not accept the token.
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

/// ACS's clients renew a token ten minutes before its end, and the exchanged one ends
/// with the Entra token: with less, they would ask for the next one at once, for ever.
const LEAST_LIFE: Duration = Duration::from_mins(10);

/// The resource whose permissions the token carries: by its URI and by its id.
const AUDIENCES: [&str; 2] =
    ["https://auth.msft.communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"];

/// The delegated permissions ACS wants, both.
const PERMISSIONS: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Record, State},
        testing::{
            ManualClock, MemoryIdentityStore, MemoryTeamsTokenExchange, invocation, record, user,
        },
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
        let request = Request { exchange, user, bearer };
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
    async fn r15_somebody_elses_token_is_refused_and_acs_is_not_asked() {
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
