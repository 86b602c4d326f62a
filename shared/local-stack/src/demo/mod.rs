//! Fills a new stack with a believable day, for `--demo`: 2,000 users who joined during the last
//! months, a day of sign-ins, refreshes and sign-outs, a disabled and a blocked user, an outage of
//! ACS, an event that cannot be applied, and a cleanup.
//!
//! Everything goes through the real functions. The clock of the stack is moved back first, and is
//! that of the system again at the end.

mod client;
mod error;
mod people;

use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::stack::LocalStack;
use client::{DemoAddresses, DemoClient};
pub use error::DemoError;
use people::{DemoRandom, USERS, user};

/// The days before today on which users joined, and how many. Those of the first rows never came
/// back, so that the cleanup finds them: less than 5 % of all, which the brake permits.
const JOINED: [(i64, usize); 16] = [
    (117, 20),
    (109, 16),
    (101, 24),
    (94, 20),
    (84, 60),
    (75, 80),
    (66, 90),
    (58, 110),
    (45, 150),
    (33, 190),
    (24, 220),
    (16, 260),
    (9, 280),
    (5, 230),
    (3, 150),
    (2, 100),
];

/// The number of users who joined in the first four rows.
const STALE: usize = 80;

/// Token requests in each hour of the day before the end. The last hours have the most.
const REQUESTS: [usize; 24] =
    [4, 2, 2, 2, 3, 6, 12, 20, 28, 30, 26, 22, 18, 24, 28, 30, 34, 30, 26, 24, 28, 34, 40, 46];

/// Requests that are sent at once.
const AT_ONCE: usize = 8;

const DAY: i64 = 86_400;

/// Fills a stack. It takes some tens of seconds.
///
/// # Errors
/// The request that failed, or that was refused.
pub async fn fill_demo(stack: &LocalStack) -> Result<(), DemoError> {
    let client = DemoClient::new(DemoAddresses {
        gateway: stack.gateway().to_owned(),
        issuer: stack.issuer().to_owned(),
        console: stack.console().to_owned(),
        acs: stack.acs().to_owned(),
        event_bus: stack.event_bus().map(str::to_owned),
    })?;
    let days = join(&client).await?;
    client.advance((days - 1) * DAY).await?;
    live_a_day(&client).await
}

/// Lets all users join, and returns for how many days the clock is behind.
async fn join(client: &DemoClient) -> Result<i64, DemoError> {
    let mut behind = 0;
    let mut first = 0;
    for (days, count) in JOINED {
        client.advance((behind - days) * DAY).await?;
        behind = days;
        let users = (first..first + count).map(user).collect();
        request_tokens(client, users).await?;
        first += count;
        if days < 60 && days > 20 {
            client.clean_up("plan").await?;
        }
    }
    debug_assert_eq!(first, USERS, "every user joins once");
    Ok(behind)
}

/// The last 24 hours.
async fn live_a_day(client: &DemoClient) -> Result<(), DemoError> {
    let mut random = DemoRandom::new();
    let mut anyone = || user(STALE + random.below(USERS - STALE));
    for (hour, requests) in (0..).zip(REQUESTS) {
        let users = (0..requests).map(|_| anyone()).collect();
        match hour {
            3 => client.clean_up("apply").await?,
            9 => client.event("user.disabled", None).await?,
            11 => client.event("user.credentials-changed", Some(&anyone())).await?,
            16 => client.block("mia.keller").await?,
            20 => client.event("user.disabled", Some("omar.haas")).await?,
            21 => client.event("user.signed-out", Some(&anyone())).await?,
            _ => {}
        }
        if hour == 22 {
            client.set_down(true).await?;
            request_tokens(client, (0..5).map(|_| anyone()).collect()).await?;
            client.set_down(false).await?;
        }
        request_tokens(client, users).await?;
        if hour >= 7 && hour % 2 == 0 {
            client.sign_out(&anyone()).await?;
        }
        settle(client).await?;
        client.advance(3600).await?;
    }
    settle(client).await?;
    request_tokens(client, (0..8).map(|_| anyone()).collect()).await
}

/// Requests a token for each user. A refusal is part of the day.
async fn request_tokens(client: &DemoClient, users: Vec<String>) -> Result<(), DemoError> {
    let mut open = JoinSet::new();
    for user in users {
        if open.len() >= AT_ONCE {
            finish_one(&mut open).await?;
        }
        let client = client.clone();
        open.spawn(async move { client.token(&user).await });
    }
    while !open.is_empty() {
        finish_one(&mut open).await?;
    }
    Ok(())
}

async fn finish_one(open: &mut JoinSet<Result<StatusCode, DemoError>>) -> Result<(), DemoError> {
    match open.join_next().await {
        Some(Ok(outcome)) => outcome.map(drop),
        // A task that was cancelled or that panicked has no outcome.
        Some(Err(_)) | None => Ok(()),
    }
}

/// Waits until the functions have received every message.
async fn settle(client: &DemoClient) -> Result<(), DemoError> {
    while client.waiting().await? > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}
