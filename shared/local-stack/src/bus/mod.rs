//! The event buses: they route each event to the queues of the rules that it matches.

mod envelope;
mod matcher;
mod pattern;
pub(crate) mod put_events;

use std::sync::Arc;

pub(crate) use envelope::BusEnvelope;
pub use pattern::EventPattern;
use serde_json::Value;

use crate::clock::StackClock;
use crate::queue::{JournalError, Queues};
use crate::template::RuleSpec;

/// The buses of the template's rules.
pub(crate) struct EventBus {
    rules: Vec<RuleSpec>,
    queues: Arc<Queues>,
    clock: Arc<StackClock>,
}

impl EventBus {
    pub(crate) fn new(
        rules: Vec<RuleSpec>,
        queues: Arc<Queues>,
        clock: Arc<StackClock>,
    ) -> Arc<Self> {
        Arc::new(Self { rules, queues, clock })
    }

    /// Delivers an event to the bus of that name or ARN, and returns the matching rules.
    ///
    /// An event that matches no rule is dropped, as in EventBridge.
    pub(crate) fn deliver(
        &self,
        bus: Option<&str>,
        event: &BusEnvelope,
    ) -> Result<Vec<String>, JournalError> {
        let bus = bus_name(bus);
        let whole = serde_json::to_value(event).unwrap_or(Value::Null);
        let body = serde_json::to_string(event).unwrap_or_default();
        let mut matched = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.bus == bus && rule.pattern.matches(&whole))
        {
            for queue in &rule.queues {
                self.queues.send(queue, body.clone())?;
            }
            matched.push(rule.name.clone());
        }
        Ok(matched)
    }

    pub(crate) fn clock(&self) -> &StackClock {
        &self.clock
    }
}

/// The bus name from a name or an ARN. The name of a partner's bus contains slashes.
pub(crate) fn bus_name(bus: Option<&str>) -> &str {
    match bus {
        None | Some("") => "default",
        Some(bus) if bus.starts_with("arn:") => {
            bus.split_once("event-bus/").map_or(bus, |(_, name)| name)
        }
        Some(bus) => bus,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::QueueSpec;

    fn rule(name: &str, bus: &str, pattern: &Value, queues: &[&str]) -> RuleSpec {
        RuleSpec {
            name: name.to_owned(),
            bus: bus.to_owned(),
            pattern: EventPattern::parse(pattern).unwrap(),
            queues: queues.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn an_event_goes_to_the_queues_of_the_rules_of_its_bus_that_match() {
        let clock = StackClock::system();
        let queue = |name: &str| QueueSpec {
            name: name.to_owned(),
            visibility: std::time::Duration::from_secs(30),
            retention: std::time::Duration::from_hours(1),
            delay: std::time::Duration::ZERO,
            redrive: None,
        };
        let queues = Queues::open(vec![queue("A"), queue("B")], None, Arc::clone(&clock)).unwrap();
        let pattern = json!({ "source": ["s"], "detail": { "on": [true] } });
        let rules = vec![
            rule("Here", "default", &pattern, &["A", "B"]),
            rule("Partner", "aws.partner/x/1", &pattern, &["B"]),
            rule("Other", "default", &json!({ "source": ["t"] }), &["A"]),
        ];
        let bus = EventBus::new(rules, Arc::clone(&queues), clock);
        let event = json!({ "source": "s", "detail-type": "d", "detail": { "on": true } });
        let event = BusEnvelope::complete(event, bus.clock()).unwrap();
        assert_eq!(bus.deliver(None, &event).unwrap(), ["Here"]);
        let arn = "arn:aws:events:local:000000000000:event-bus/aws.partner/x/1";
        assert_eq!(bus.deliver(Some(arn), &event).unwrap(), ["Partner"]);
        assert!(bus.deliver(Some("elsewhere"), &event).unwrap().is_empty());
        let depths: Vec<_> = queues.overview().iter().map(|q| q["visible"].clone()).collect();
        assert_eq!(depths, [1, 2]);
    }
}
