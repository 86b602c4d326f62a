//! R60: a user who signs out every second cannot outrun a sign-out of the identity provider, which
//! has whole seconds and arrives late.

use std::time::{Duration, SystemTime};

use faults::{Part, Without};
use identity_core::{
    Error,
    apply_event::apply_event,
    event::{Event, EventKind, EventSource},
    identity::IdentityRef,
    issue_access_token::{IssueAccessTokenRequest, issue_access_token},
    ports::Clock,
    record::{By, Cause, State},
    revoke_access_tokens::{IfMissing, RevokeAccessTokensRequest, revoke_access_tokens},
    testing::{self, CoreFixture, ManualClock, an_hour, caller_since, invocation, user},
};

use super::now;

/// A step. The order of the variants is the order within one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// `DELETE /v1/token`.
    SignsOut,
    /// `POST /v1/token`, with the user's newest bearer.
    AsksForAToken,
    /// The provider's event is delivered.
    EventArrives,
}

/// One minute: the provider ends the user's sessions at `ended_at`, and reports it ten seconds
/// later. Every second the user requests a token and signs out, until `signs_out_until`. Times are
/// milliseconds after Alice's identity was created.
#[derive(Clone, Copy, Debug)]
struct Minute {
    ended_at: u64,
    signs_out_until: u64,
    sign_out_offset: u64,
    token_offset: u64,
}

/// The number of tokens that were issued and stayed alive.
#[derive(Debug, Default)]
struct MinuteResult {
    lives_after_the_event: usize,
    lives_in_the_end: usize,
    issued_after_the_event: usize,
    issued: usize,
}

/// The omitted part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Nothing.
    All,
    /// Bearers are not compared with the not-before.
    NoNotBefore,
    /// In addition, the origins have no separate watermarks: an event counts if it is newer than
    /// everything that was recorded. This is the earlier version.
    OneWatermark,
}

impl Minute {
    const DELAY: u64 = 10_000;

    fn steps(self) -> Vec<(u64, Step)> {
        let mut steps = vec![(self.ended_at + Self::DELAY, Step::EventArrives)];
        for second in (0..60_000).step_by(1_000) {
            steps.push((second + self.token_offset, Step::AsksForAToken));
            let sign_out = second + self.sign_out_offset;
            if sign_out <= self.signs_out_until {
                steps.push((sign_out, Step::SignsOut));
            }
        }
        steps.sort_unstable();
        steps
    }

    /// The newest bearer from the provider: one each second, until it ended the sessions.
    fn bearer(self, at: u64) -> SystemTime {
        after(at.min(self.ended_at) / 1_000 * 1_000)
    }

    fn play(self, rule: Rule) -> MinuteResult {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let mut result = MinuteResult::default();
        let mut event_has_arrived = false;
        for (at, step) in self.steps() {
            let clock = ManualClock::default();
            clock.advance(Duration::from_millis(at));
            match step {
                Step::SignsOut => sign_out(&fixture, &clock),
                Step::AsksForAToken => {
                    let got_one = ask(&fixture, &clock, self.bearer(at), rule);
                    result.issued += usize::from(got_one);
                    result.issued_after_the_event += usize::from(got_one && event_has_arrived);
                }
                Step::EventArrives => {
                    deliver(&fixture, &clock, self.ended_at / 1_000 * 1_000, rule);
                    event_has_arrived = true;
                    result.lives_after_the_event = fixture.acs.live_tokens();
                }
            }
        }
        result.lives_in_the_end = fixture.acs.live_tokens();
        result
    }
}

fn after(millis: u64) -> SystemTime {
    ManualClock::default().now() + Duration::from_millis(millis)
}

fn sign_out(fixture: &CoreFixture, clock: &ManualClock) {
    let request = RevokeAccessTokensRequest {
        bearer: None,
        identity: IdentityRef::External(user("alice")),
        block: false,
        if_missing: IfMissing::Create,
        pace: None,
        cause: Cause::of(By::User),
        invocation: invocation("sign-out", clock),
    };
    now(revoke_access_tokens(&fixture.records, &fixture.acs, clock, request)).unwrap();
}

/// Whether a token is returned.
fn ask(fixture: &CoreFixture, clock: &ManualClock, bearer: SystemTime, rule: Rule) -> bool {
    let part = if rule == Rule::All { Part::Nothing } else { Part::NotBefore };
    let store = Without::new(part, fixture.records.clone());
    let (subject, invocation) = (caller_since("alice", bearer), invocation("call", clock));
    let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
    match now(issue_access_token(&store, &fixture.acs, clock, request)) {
        Ok(_) => true,
        Err(Error::SignInRequired) => false,
        Err(error) => unreachable!("{error}"),
    }
}

fn deliver(fixture: &CoreFixture, clock: &ManualClock, told_at: u64, rule: Rule) {
    let told_at = after(told_at);
    let newest = fixture.alice().unwrap().revoked_through.newest();
    if rule == Rule::OneWatermark && newest >= Some(told_at) {
        return;
    }
    let event = Event {
        source: EventSource::Cognito,
        resolution: Duration::from_secs(1),
        heard_at: Some(clock.now()),
        ..testing::event(EventKind::SignedOut, told_at)
    };
    let invocation = invocation("event", clock);
    now(apply_event(&fixture.records, &fixture.acs, clock, &event, &invocation)).unwrap();
}

/// The user signs out before or after the provider ends the sessions, in the same second or in
/// another one, and then continues to sign out or stops.
fn minutes() -> Vec<Minute> {
    let offsets = [0, 100, 400, 700, 900];
    let mut minutes = Vec::new();
    for sign_out_offset in offsets {
        for token_offset in offsets {
            for ended_at in [30_000, 30_500, 30_999] {
                minutes.extend([0, 29_999, 30_400, 30_999, 40_200, 60_000].map(
                    |signs_out_until| Minute {
                        ended_at,
                        signs_out_until,
                        sign_out_offset,
                        token_offset,
                    },
                ));
            }
        }
    }
    minutes
}

#[test]
fn r60_a_user_who_signs_out_every_second_does_not_outrun_a_sign_out_of_the_provider() {
    let mut issued = 0;
    for minute in minutes() {
        let result = minute.play(Rule::All);
        assert_eq!(result.lives_after_the_event, 0, "{minute:?}: {result:?}");
        assert_eq!(result.issued_after_the_event, 0, "{minute:?}: {result:?}");
        assert_eq!(result.lives_in_the_end, 0, "{minute:?}: {result:?}");
        issued += result.issued;
    }
    assert!(issued > 1_000, "{issued} tokens are too few to show anything");
}

/// A separate watermark for each origin ends the tokens from before the event.
#[test]
fn r60_with_one_watermark_for_all_origins_tokens_outlive_the_event() {
    let lives = |rule: Rule| {
        let outlived = |minute: &Minute| minute.play(rule).lives_after_the_event > 0;
        minutes().iter().filter(|minute| outlived(minute)).count()
    };
    assert_eq!(lives(Rule::NoNotBefore), 0, "its own watermark is enough for that");
    assert!(lives(Rule::OneWatermark) > 10);
}

#[test]
fn r60_without_the_not_before_the_old_bearer_gets_tokens_after_the_event() {
    let results = minutes().into_iter().map(|minute| minute.play(Rule::NoNotBefore));
    let outrun =
        |result: &MinuteResult| result.issued_after_the_event > 0 && result.lives_in_the_end > 0;
    assert!(results.filter(outrun).count() > 10);
}
