use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::app::{AppUser, Reaction};

/// The service as the apps see it.
pub trait TokenService {
    /// A user asks for a token at `now`, after the beginning of the burst. The times never
    /// decrease.
    fn request_token(&mut self, user: usize, now: Duration) -> Result<TokenReply, String>;

    /// The requests that ACS got so far.
    fn acs_calls(&mut self) -> Result<AcsCalls, String>;
}

/// The answer to a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReply {
    /// A token.
    Token,
    /// The service is busy.
    Refused {
        /// The time in `Retry-After`.
        retry_after: Duration,
    },
}

/// The requests to ACS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcsCalls {
    /// All of them.
    pub sent: u64,
    /// Those that ACS refused with 429.
    pub refused: u64,
}

/// A burst of users.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// The number of users.
    pub users: u32,
    /// The burst ends when 99 % of the users have had a token, but not later than this.
    pub limit: Duration,
    /// Bursts with the same seed have the same users.
    pub seed: u64,
}

/// The result of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstOutcome {
    /// When 99 % of the users have had a token, after the beginning; `None` if they have not.
    pub time_to_99: Option<Duration>,
    /// The number of users who have had a token.
    pub served: u32,
    /// How often a user saw an error, or waited for more than ten seconds.
    pub visible_failures: u64,
    /// The requests to ACS.
    pub acs: AcsCalls,
}

impl Burst {
    /// Plays the burst against a service.
    pub fn play(&self, service: &mut impl TokenService) -> Result<BurstOutcome, String> {
        let mut users: Vec<_> =
            (0..self.users).map(|number| AppUser::new(self.seed, number.into())).collect();
        let mut requests: BinaryHeap<_> = users
            .iter()
            .enumerate()
            .map(|(number, user)| Reverse((user.arrived(), number)))
            .collect();
        let (mut time_to_99, mut served, mut visible_failures) = (None, 0, 0);
        while let Some(Reverse((now, number))) = requests.pop()
            && now <= self.limit
            && let Some(user) = users.get_mut(number)
        {
            let reply = service.request_token(number, now)?;
            let Reaction { next, is_first_token, is_visible_failure } = user.react(reply, now);
            requests.extend(next.map(|next| Reverse((next, number))));
            visible_failures += u64::from(is_visible_failure);
            served += u32::from(is_first_token);
            if served >= self.users - self.users / 100 {
                time_to_99 = Some(now);
                break;
            }
        }
        Ok(BurstOutcome { time_to_99, served, visible_failures, acs: service.acs_calls()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Burst = Burst { users: 1_000, limit: Duration::from_hours(3), seed: 1 };

    /// Serves every request after some time, and none before.
    struct ServiceFrom(Duration, AcsCalls, Duration);

    impl TokenService for ServiceFrom {
        fn request_token(&mut self, _: usize, now: Duration) -> Result<TokenReply, String> {
            assert!(now >= self.2, "the times never decrease");
            self.2 = now;
            self.1.sent += 1;
            let is_served = now >= self.0;
            self.1.refused += u64::from(!is_served);
            let retry_after = Duration::from_secs(5);
            Ok(if is_served { TokenReply::Token } else { TokenReply::Refused { retry_after } })
        }

        fn acs_calls(&mut self) -> Result<AcsCalls, String> {
            Ok(self.1)
        }
    }

    fn play(from: Duration) -> BurstOutcome {
        BURST.play(&mut ServiceFrom(from, AcsCalls::default(), Duration::ZERO)).unwrap()
    }

    #[test]
    fn the_burst_ends_when_99_percent_of_the_users_have_had_a_token() {
        let outcome = play(Duration::ZERO);
        assert_eq!((outcome.served, outcome.visible_failures, outcome.acs.refused), (990, 0, 0));
        let minutes = outcome.time_to_99.unwrap().as_secs() / 60;
        assert!((42..55).contains(&minutes), "{minutes}");
    }

    #[test]
    fn a_service_that_refuses_makes_failures_and_more_requests() {
        let outcome = play(Duration::from_hours(2));
        assert!(outcome.time_to_99.unwrap() >= Duration::from_hours(2));
        assert!(outcome.visible_failures > 1_000, "{outcome:?}");
        assert!(outcome.acs.refused > 1_000, "{outcome:?}");
    }

    #[test]
    fn a_burst_without_any_token_ends_at_its_limit() {
        let outcome = play(Duration::MAX);
        assert_eq!((outcome.time_to_99, outcome.served), (None, 0));
    }
}
