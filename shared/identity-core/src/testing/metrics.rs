use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

/// Collects the metrics of all events in this thread for as long as the value exists.
pub struct Metrics {
    sums: Sums,
    _guard: DefaultGuard,
}

impl Metrics {
    /// Starts to collect.
    #[must_use]
    pub fn collect() -> Self {
        // tracing caches whether a subscriber is interested in an event. With a single dispatcher
        // in the process, the first thread decides for all threads, and usually it has no
        // subscriber.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(Sums::default()));
        let sums = Sums::default();
        Self { sums: sums.clone(), _guard: set_default(sums) }
    }

    /// The sum of a metric, such as `identities_deleted`; `None` if no event has it.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<u64> {
        self.sums.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }
}

#[derive(Clone, Default)]
struct Sums(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Subscriber for Sums {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Visit for Sums {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(name) = field.name().strip_prefix("metric.") {
            let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *sums.entry(name).or_default() += value;
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, value.try_into().unwrap_or_default());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
