//! A user with an app: when it asks for a token, and what it does with the answer.

use std::time::Duration;

use crate::{TokenReply, random::SeededRandom};

/// How an app asks for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AppKind {
    /// A page in a browser, which loses its token when it is loaded again, once an hour. After an
    /// error, the user tries again.
    Page,
    /// An app on a phone, which is started again every three hours. After an error, the user tries
    /// again.
    Phone,
    /// An app that keeps its token and waits for `Retry-After`.
    Careful,
}

/// One user.
#[derive(Debug)]
pub(crate) struct AppUser {
    kind: AppKind,
    arrived: Duration,
    has_token: bool,
    refusals: i32,
    has_waited_long: bool,
    random: SeededRandom,
}

/// What the user does after an answer.
pub(crate) struct Reaction {
    /// When the app asks again.
    pub(crate) next: Option<Duration>,
    /// Whether this was the user's first token.
    pub(crate) is_first_token: bool,
    /// Whether the user saw an error, or waited for more than ten seconds.
    pub(crate) is_visible_failure: bool,
}

impl AppUser {
    /// The user with this number. A user is the same in each run with the same seed.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = SeededRandom::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let kind = match random.unit() {
            ..0.4 => AppKind::Page,
            ..0.7 => AppKind::Phone,
            _ => AppKind::Careful,
        };
        let arrived = seconds(MEDIAN_ARRIVAL * (ARRIVAL_SPREAD * random.normal()).exp());
        Self { kind, arrived, has_token: false, refusals: 0, has_waited_long: false, random }
    }

    /// When the user first asks, after the beginning of the burst.
    pub(crate) fn arrived(&self) -> Duration {
        self.arrived
    }

    /// Reacts to an answer that came at `now`.
    pub(crate) fn react(&mut self, reply: TokenReply, now: Duration) -> Reaction {
        match reply {
            TokenReply::Token => {
                let is_first_token = !std::mem::replace(&mut self.has_token, true);
                self.refusals = 0;
                let restarts_every = match self.kind {
                    AppKind::Page => Some(HOUR),
                    AppKind::Phone => Some(3.0 * HOUR),
                    AppKind::Careful => None,
                };
                let next = restarts_every.map(|mean| now + seconds(self.random.exponential(mean)));
                Reaction { next, is_first_token, is_visible_failure: false }
            }
            TokenReply::Refused { retry_after } => self.react_to_refusal(retry_after, now),
        }
    }

    fn react_to_refusal(&mut self, retry_after: Duration, now: Duration) -> Reaction {
        let (next, is_visible_failure) = match self.kind {
            AppKind::Careful => {
                let next = now + retry_after.mul_f64(self.random.between(1.0, 1.3));
                let is_long = !self.has_token && next > self.arrived + LONG;
                (next, is_long && !std::mem::replace(&mut self.has_waited_long, true))
            }
            AppKind::Page | AppKind::Phone => {
                let patience = (8.0 * 1.5_f64.powi(self.refusals)).min(600.0);
                let wait = patience * (0.4 * self.random.normal()).exp();
                (now + seconds(wait), true)
            }
        };
        self.refusals = (self.refusals + 1).min(20);
        Reaction { next: Some(next), is_first_token: false, is_visible_failure }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.min(1e6))
}

/// In seconds: half of the users have arrived after 15 minutes, and 99 % after 48.
const MEDIAN_ARRIVAL: f64 = 15.0 * 60.0;
const ARRIVAL_SPREAD: f64 = 0.5;

const HOUR: f64 = 3600.0;

/// A user notices a longer wait for the first token.
const LONG: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Vec<AppUser> {
        (0..10_000).map(|number| AppUser::new(7, number)).collect()
    }

    #[test]
    fn half_of_the_users_have_arrived_after_15_minutes_and_99_percent_after_48() {
        let arrived = |minutes: u64| {
            let limit = Duration::from_mins(minutes);
            users().iter().filter(|user| user.arrived() < limit).count()
        };
        assert!((4_800..5_200).contains(&arrived(15)), "{}", arrived(15));
        assert!((9_850..9_950).contains(&arrived(48)), "{}", arrived(48));
        let kind = |kind| users().iter().filter(|user| user.kind == kind).count();
        assert!((3_800..4_200).contains(&kind(AppKind::Page)));
        assert!((2_800..3_200).contains(&kind(AppKind::Careful)));
    }

    #[test]
    fn a_careful_app_waits_for_retry_after_and_other_users_see_an_error() {
        let retry_after = Duration::from_secs(100);
        for mut user in users() {
            let now = user.arrived();
            let Reaction { next, is_visible_failure, .. } =
                user.react(TokenReply::Refused { retry_after }, now);
            assert!(is_visible_failure);
            let wait = next.map(|next| next.saturating_sub(now)).unwrap_or_default();
            if user.kind == AppKind::Careful {
                assert!((retry_after..retry_after.mul_f64(1.3)).contains(&wait), "{wait:?}");
                let again = user.react(TokenReply::Refused { retry_after }, now);
                assert!(!again.is_visible_failure, "a user notices one long wait once");
            } else {
                assert!(wait < retry_after, "{wait:?}");
            }
        }
    }

    #[test]
    fn only_the_first_token_of_a_user_is_the_first() {
        let mut user = AppUser::new(7, 0);
        let first = [(); 3].map(|()| user.react(TokenReply::Token, Duration::ZERO).is_first_token);
        assert_eq!(first, [true, false, false]);
    }
}
