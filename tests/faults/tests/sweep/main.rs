//! The real binaries, killed with SIGKILL at every call they make, both before the call arrives and
//! after it was executed but not answered; and what the next process makes of the result.
//!
//! The functions have no test hooks: every external call is a possible point of death. The first
//! run counts the calls. Then, for each call and each of the two moments, there is a new fixture, a
//! run that dies there, and a run that does not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod cleanup;
mod events;
mod fixture;
mod gate;
mod guests;
mod http;
mod phone;
mod pins;

use std::cell::RefCell;

use futures_util::future::join_all;

use crate::{
    fixture::SweepAcs,
    gate::{StrikeTime, SweepStrike},
};

/// Runs `die` once for each possible death, several at a time, and returns their number.
async fn sweep(calls: &[String], die: impl AsyncFn(&SweepAcs, SweepStrike)) -> usize {
    let all: Vec<SweepStrike> = (0..)
        .zip(calls)
        .flat_map(|(call, name)| {
            // A read that was executed and not answered is the same as one that never arrived.
            let after = (!is_read(name)).then_some(StrikeTime::After);
            [Some(StrikeTime::Before), after]
                .into_iter()
                .flatten()
                .map(move |at| SweepStrike { call, at })
        })
        .collect();
    let left = RefCell::new(all.iter().copied());
    let lane = async || {
        let acs = SweepAcs::start().await;
        loop {
            let next = left.borrow_mut().next();
            let Some(strike) = next else { break };
            die(&acs, strike).await;
        }
    };
    join_all((0..LANES).map(|_| lane())).await;
    all.len()
}

fn is_read(call: &str) -> bool {
    let reads = [".GetItem", ".Query", ".DescribeTable", ".GetSecretValue"];
    call.starts_with("GET ") || reads.iter().any(|read| call.ends_with(read))
}

/// A run respects the limits of ACS, so it waits most of the time.
const LANES: usize = 8;
