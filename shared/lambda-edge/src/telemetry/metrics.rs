//! Metrics of the service: an event with a field `metric.identities_deleted = 3` adds 3 to
//! CloudWatch's `IdentitiesDeleted`, at every log level.

use std::time::SystemTime;

use identity_core::ports::Clock;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, registry::LookupSpan};

use super::line::{milliseconds, namespace, write_line};

/// The names of all metrics in CloudWatch besides those of requests. The template's alarms and
/// its dashboard use the same names.
pub const METRICS: [&str; 44] = [
    // A process started to serve requests.
    "ColdStarts",
    // Responses of ACS; each attempt counts.
    "AcsLatencyMs",
    "AcsThrottled",
    "AcsFailed",
    // Calls that were refused because the user calls too often.
    "UsersPaced",
    // Requests that were not sent, because ACS had throttled the operation.
    "AcsHeld",
    // First-time users, and users that were cut off.
    "IdentitiesCreated",
    "RevocationsConfirmed",
    "BlockedUsersRevoked",
    // An identity in ACS that no record names: the process that created it died.
    "IdentitiesAbandoned",
    // An identity that another ACS resource created: the secret is for the wrong resource.
    "IdentitiesForeign",
    // A record that names an ACS resource without a connection string.
    "ResourcesUnknown",
    // Results of a run of the scheduled job.
    "StaleIdentities",
    "IdentitiesDeleted",
    "IdentitiesSpared",
    "DeletionsFailed",
    "IdentitiesStuck",
    // A run that found so many identities to delete that it deleted none.
    "CleanupBraked",
    // Events of identity providers.
    "EventsApplied",
    "EventsWithoutEffect",
    // Applied events about users without a record.
    "EventsOfUnseenUsers",
    "EventsShadowed",
    "EventsIgnored",
    "EventsMalformed",
    "EventsFailed",
    "EventsDeadLettered",
    // Requests of transmitters: signals that were put into the queue, requests that change nothing,
    // requests that are refused, and requests that must come again.
    "SignalsAccepted",
    "SignalsIgnored",
    "SignalsRefused",
    "SignalsFailed",
    // Tests of a transmitter's stream, and changes of its state.
    "StreamsVerified",
    "StreamsUpdated",
    // A run after which the changes of all Entra tenants are watched.
    "EntraWatchesCompleted",
    // Guests: admitted devices, tokens, refusals; wrong PINs, and handles that no invitation has.
    "GuestsAdmitted",
    "GuestTokens",
    "GuestsRefused",
    "GuestPinsWrong",
    "InvitationsUnknown",
    "InvitationsCreated",
    // Invitations that admit no new device, because of too many wrong PINs.
    "InvitationsLocked",
    // Guests whose invitation has ended.
    "GuestIdentitiesDeleted",
    // Assignments to Teams Phone that events ended, changes of assignments that the scheduled job
    // could not finish, and the hours since the assignment that was verified longest ago was.
    "PhoneAssignmentsEnded",
    "PhoneWorkFailed",
    "PhoneUnverifiedHours",
];

/// The `tracing` layer that writes the metrics.
pub(super) fn layer<S>(clock: impl Clock + Send + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_metric = |name: &str| name.starts_with(PREFIX);
    Metrics(clock).with_filter(filter_fn(move |metadata| {
        metadata.is_event() && metadata.fields().iter().any(|field| is_metric(field.name()))
    }))
}

struct Metrics<C>(C);

impl<S: Subscriber, C: Clock + 'static> Layer<S> for Metrics<C> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut counted = Counted::default();
        event.record(&mut counted);
        write_line(&line(&counted.0, self.0.now()));
    }
}

/// One line of CloudWatch's embedded metric format.
fn line(counted: &[(String, u64)], at: SystemTime) -> Value {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let metrics: Vec<Value> =
        counted.iter().map(|(name, _)| json!({ "Name": name, "Unit": unit(name) })).collect();
    let mut line: Map<String, Value> =
        counted.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
    let aws = json!({
        "Timestamp": milliseconds(since),
        "CloudWatchMetrics": [{ "Namespace": namespace(), "Dimensions": [[]], "Metrics": metrics }],
    });
    line.insert("_aws".to_owned(), aws);
    Value::Object(line)
}

fn unit(name: &str) -> &'static str {
    if name.ends_with("Ms") { "Milliseconds" } else { "Count" }
}

/// The metrics in the fields of an event.
#[derive(Default)]
struct Counted(Vec<(String, u64)>);

impl Visit for Counted {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(name) = field.name().strip_prefix(PREFIX) {
            self.0.push((in_pascal_case(name), value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, value.try_into().unwrap_or_default());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn in_pascal_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    name.split('_').map(word).collect()
}

const PREFIX: &str = "metric.";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{info, subscriber::with_default};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<(String, u64)>>>);

    impl<S: Subscriber> Layer<S> for Seen {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut counted = Counted::default();
            event.record(&mut counted);
            self.0.lock().unwrap().extend(counted.0);
        }
    }

    #[test]
    fn a_field_that_is_a_metric_is_counted_under_its_name_in_cloudwatch() {
        let seen = Seen::default();
        with_default(tracing_subscriber::registry().with(seen.clone()), || {
            info!(acs.id = "8:acs:1", metric.identities_deleted = 3_u64, metric.events_failed = 1);
            info!(attempts = 3, "no metric");
        });
        let expected = [("IdentitiesDeleted".to_owned(), 3), ("EventsFailed".to_owned(), 1)];
        assert_eq!(*seen.0.lock().unwrap(), expected);
        assert!(expected.iter().all(|(name, _)| METRICS.contains(&name.as_str())));
    }

    #[test]
    fn a_line_declares_every_metric_it_carries() {
        let line = line(&[("EventsFailed".to_owned(), 2)], SystemTime::UNIX_EPOCH);
        assert_eq!(
            line,
            json!({
                "EventsFailed": 2,
                "_aws": {
                    "Timestamp": 0,
                    "CloudWatchMetrics": [{
                        "Namespace": "Guestpass",
                        "Dimensions": [[]],
                        "Metrics": [{ "Name": "EventsFailed", "Unit": "Count" }],
                    }],
                },
            })
        );
    }
}
