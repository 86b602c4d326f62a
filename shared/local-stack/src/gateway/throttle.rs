//! Limits the rate of requests: a token bucket for each route.
//!
//! API Gateway calls its limits targets; these are exact. It does not document whether routes without
//! a setting of their own share a bucket. Here each of them has one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::template::{HttpApiSpec, ThrottleSpec};

/// The buckets of all routes.
pub(super) struct Throttles {
    default: ThrottleSpec,
    routes: BTreeMap<String, ThrottleSpec>,
    /// By the key of the route. A bucket is created with the first request.
    buckets: Mutex<BTreeMap<String, TokenBucket>>,
}

impl Throttles {
    pub(super) fn new(api: &HttpApiSpec) -> Self {
        let (default, routes) = (api.default_throttle, api.route_throttles.clone());
        Self { default, routes, buckets: Mutex::default() }
    }

    /// Whether a request for this route is within the limit at `now`, which uses up one token.
    pub(super) fn admit(&self, route_key: &str, now: OffsetDateTime) -> bool {
        let spec = self.routes.get(route_key).unwrap_or(&self.default);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || TokenBucket { tokens: spec.burst, at: now };
        buckets.entry(route_key.to_owned()).or_insert_with(full).take(spec, now)
    }
}

struct TokenBucket {
    tokens: f64,
    /// The time of the last request.
    at: OffsetDateTime,
}

impl TokenBucket {
    fn take(&mut self, spec: &ThrottleSpec, now: OffsetDateTime) -> bool {
        // The stack's clock can be moved back, which must not take tokens away.
        let elapsed = (now - self.at).as_seconds_f64().max(0.0);
        self.tokens = (self.tokens + elapsed * spec.rate).min(spec.burst);
        self.at = now;
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn throttles() -> Throttles {
        let own = BTreeMap::from([
            ("GET /slow".to_owned(), ThrottleSpec { rate: 0.5, burst: 2.0 }),
            ("GET /never".to_owned(), ThrottleSpec { rate: 0.0, burst: 0.0 }),
        ]);
        let default_throttle = ThrottleSpec { rate: 1.0, burst: 1.0 };
        Throttles::new(&HttpApiSpec { cors: None, default_throttle, route_throttles: own })
    }

    /// How many of ten requests are admitted at this time.
    fn admitted(throttles: &Throttles, route: &str, at: Duration) -> usize {
        (0..10).filter(|_| throttles.admit(route, START + at)).count()
    }

    #[test]
    fn a_burst_is_admitted_at_once_and_then_the_rate() {
        let throttles = throttles();
        assert_eq!(admitted(&throttles, "GET /slow", Duration::ZERO), 2);
        assert_eq!(admitted(&throttles, "GET /slow", Duration::milliseconds(1900)), 0);
        assert_eq!(admitted(&throttles, "GET /slow", Duration::milliseconds(2000)), 1);
        assert_eq!(admitted(&throttles, "GET /slow", Duration::hours(1)), 2);
    }

    #[test]
    fn a_route_with_a_burst_of_zero_admits_nothing() {
        assert_eq!(admitted(&throttles(), "GET /never", Duration::hours(1)), 0);
    }

    #[test]
    fn routes_do_not_use_up_the_tokens_of_each_other() {
        let throttles = throttles();
        assert_eq!(admitted(&throttles, "GET /slow", Duration::ZERO), 2);
        for route in ["GET /a", "GET /b"] {
            assert_eq!(admitted(&throttles, route, Duration::ZERO), 1, "{route}");
        }
    }

    #[test]
    fn a_clock_that_is_moved_back_takes_no_tokens_away() {
        let throttles = throttles();
        assert!(throttles.admit("GET /slow", START + Duration::hours(1)));
        assert_eq!(admitted(&throttles, "GET /slow", Duration::ZERO), 1);
    }
}
