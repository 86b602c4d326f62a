use std::{
    future::poll_fn,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

/// Waits until the condition holds, and returns `false` if it does not hold within the limit.
#[must_use]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::yield_now();
    }
}

/// [`wait_until`] for a condition that has to be awaited. The other tasks continue meanwhile.
#[must_use]
pub async fn wait_until_async(limit: Duration, mut condition: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition().await {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        let mut has_yielded = false;
        poll_fn(|context| {
            if has_yielded {
                return Poll::Ready(());
            }
            has_yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_ends_when_the_condition_holds_or_the_time_is_over() {
        let mut calls = 0;
        let third_call = || {
            calls += 1;
            calls == 3
        };
        assert!(wait_until(Duration::from_mins(1), third_call));
        assert!(!wait_until(Duration::ZERO, || false));
        assert!(wait_until(Duration::ZERO, || true), "the condition is checked at least once");
    }
}
