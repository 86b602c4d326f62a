use std::time::Duration;

use crate::{
    AcsCalls, LimitReading, TokenReply, TokenService,
    acs_limit::{AcsLimit, whole_seconds},
    random::SeededRandom,
};

/// A simulation of the service, written from its rules and without its code: API Gateway lets every
/// request through, each request reaches a random process, and a process that gets a 429 sends no
/// request of that kind to that resource until its hold ends.
pub struct PredictedService {
    resources: Vec<PredictedResource>,
    processes: Vec<PredictedProcess>,
    /// The resource of each user who has an identity.
    identities: Vec<Option<usize>>,
    acs: AcsCalls,
    random: SeededRandom,
}

struct PredictedResource {
    create: AcsLimit,
    issue: AcsLimit,
}

struct PredictedProcess {
    /// The ends of the holds of each resource, for creations and for tokens.
    holds: Vec<[Duration; 2]>,
    /// When the last caller who was sent away should come back.
    last_turn: Duration,
    /// When the last caller was sent away.
    last_refusal: Duration,
}

impl PredictedService {
    /// A service whose resources accept `limit` requests of each kind in 30 seconds.
    #[must_use]
    pub fn new(resources: usize, processes: usize, limit: usize, reading: LimitReading) -> Self {
        let limit = || AcsLimit::new(limit, reading);
        let resource = |_| PredictedResource { create: limit(), issue: limit() };
        let process = |_| PredictedProcess {
            holds: vec![[Duration::ZERO; 2]; resources],
            last_turn: Duration::ZERO,
            last_refusal: Duration::ZERO,
        };
        Self {
            resources: (0..resources).map(resource).collect(),
            processes: (0..processes).map(process).collect(),
            identities: Vec::new(),
            acs: AcsCalls::default(),
            random: SeededRandom::new(1),
        }
    }

    /// The resource for a new identity: one whose creations are not held, if there is one.
    fn place(&mut self, process: usize, now: Duration) -> usize {
        let holds = self.processes.get(process).map(|process| process.holds.as_slice());
        let is_open = |(_, [create, _]): &(usize, &[Duration; 2])| *create <= now;
        let holds = holds.unwrap_or_default().iter().enumerate();
        let open: Vec<_> = holds.filter(is_open).map(|(resource, _)| resource).collect();
        let any = self.random.index(self.resources.len());
        open.get(self.random.index(open.len())).copied().unwrap_or(any)
    }
}

impl TokenService for PredictedService {
    fn request_token(&mut self, user: usize, now: Duration) -> Result<TokenReply, String> {
        let index = self.random.index(self.processes.len());
        if self.identities.len() <= user {
            self.identities.resize(user + 1, None);
        }
        let identity = self.identities.get(user).copied().flatten();
        let resource = identity.unwrap_or_else(|| self.place(index, now));
        let kind = usize::from(identity.is_some());
        let process = self.processes.get_mut(index).ok_or("no process")?;
        let limits = self.resources.get_mut(resource).ok_or("no resource")?;
        let hold = process.holds.get_mut(resource).and_then(|holds| holds.get_mut(kind));
        let hold = hold.ok_or("no hold")?;
        if *hold <= now {
            self.acs.sent += 1;
            let limit = if identity.is_some() { &mut limits.issue } else { &mut limits.create };
            match limit.admit(now) {
                Ok(()) => {
                    if let Some(identity) = self.identities.get_mut(user) {
                        *identity = Some(resource);
                    }
                    return Ok(TokenReply::Token);
                }
                Err(wait) => {
                    self.acs.refused += 1;
                    *hold = now + wait.mul_f64(self.random.between(1.0, 1.2));
                }
            }
        }
        let least = (*hold).saturating_sub(now).max(Duration::from_secs(1));
        if now > process.last_refusal + OVERLOAD_QUIET {
            process.last_turn = Duration::ZERO;
        }
        process.last_refusal = now;
        let turn = (process.last_turn + TURN).max(now + least).min(now + LONGEST);
        process.last_turn = turn;
        let wait = turn.saturating_sub(now);
        let spread = (wait / 2).clamp(Duration::from_secs(2), Duration::from_mins(1));
        let retry_after = whole_seconds(wait + spread.mul_f64(self.random.unit()));
        Ok(TokenReply::Refused { retry_after })
    }

    fn acs_calls(&mut self) -> Result<AcsCalls, String> {
        Ok(self.acs)
    }
}

const TURN: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_mins(5);
const OVERLOAD_QUIET: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn ask(service: &mut PredictedService, user: usize, now: Duration) -> Option<Duration> {
        match service.request_token(user, now).unwrap() {
            TokenReply::Token => None,
            TokenReply::Refused { retry_after } => Some(retry_after),
        }
    }

    #[test]
    fn a_process_that_got_a_429_sends_nothing_until_its_hold_ends() {
        let mut service = PredictedService::new(1, 1, 1, LimitReading::Kind);
        assert_eq!(ask(&mut service, 0, S(100)), None);
        let wait = ask(&mut service, 1, S(101)).unwrap();
        assert!((S(29)..=S(53)).contains(&wait), "{wait:?}");
        for now in 102..130 {
            assert!(ask(&mut service, 1, S(now)).is_some());
        }
        assert_eq!(service.acs, AcsCalls { sent: 2, refused: 1 });
        assert_eq!(ask(&mut service, 0, S(102 + 30)), None, "tokens have their own limit");
        assert_eq!(ask(&mut service, 1, S(101 + 36)), None);
    }

    #[test]
    fn new_identities_avoid_a_held_resource_and_users_keep_theirs() {
        let mut service = PredictedService::new(2, 1, 1, LimitReading::Kind);
        let served = (0..20).filter(|user| ask(&mut service, *user, S(100)).is_none()).count();
        assert_eq!(served, 2);
        assert!(service.acs.refused <= 3, "{:?}", service.acs);
        let resources: Vec<_> = service.identities.iter().flatten().collect();
        assert_eq!(resources.len(), 2);
        assert_ne!(resources[0], resources[1]);
    }
}
