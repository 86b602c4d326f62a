//! The event buses: they route each event to the queues of the rules that it matches.

mod envelope;
mod matcher;
mod pattern;
pub(crate) mod put_events;

use std::sync::Arc;

pub(crate) use envelope::BusEnvelope;
use pattern::EventPattern;
use serde_json::Value;

use crate::arn::bus_name;
use crate::clock::StackClock;
use crate::queue::{JournalError, Queues};
use crate::template::{RuleSpec, TemplateError};

/// The buses of the template's rules.
pub(crate) struct EventBus {
    rules: Vec<Rule>,
    queues: Arc<Queues>,
    clock: Arc<StackClock>,
}

/// A rule of a bus, with its parsed pattern.
struct Rule {
    spec: RuleSpec,
    pattern: EventPattern,
}

impl EventBus {
    /// The buses of `rules`. The error names the rule whose pattern is invalid.
    pub(crate) fn new(
        rules: &[RuleSpec],
        queues: Arc<Queues>,
        clock: Arc<StackClock>,
    ) -> Result<Arc<Self>, TemplateError> {
        let rules = rules.iter().map(Rule::parse).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self { rules, queues, clock }))
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
        for Rule { spec, pattern } in &self.rules {
            if spec.bus != bus || !pattern.matches(&whole) {
                continue;
            }
            for queue in &spec.queues {
                self.queues.send(queue, body.clone())?;
            }
            matched.push(spec.name.clone());
        }
        if matched.is_empty() {
            self.queues.note_unmatched(&event.id, &body);
        }
        Ok(matched)
    }

    pub(crate) fn clock(&self) -> &StackClock {
        &self.clock
    }
}

impl Rule {
    fn parse(spec: &RuleSpec) -> Result<Self, TemplateError> {
        let pattern = EventPattern::parse(&spec.pattern)
            .map_err(|problem| TemplateError::at(&spec.pattern_path, problem))?;
        Ok(Self { spec: spec.clone(), pattern })
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
            pattern: pattern.clone(),
            pattern_path: format!("Resources.{name}.Properties.EventPattern"),
            queues: queues.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn an_event_is_sent_to_the_queues_of_the_matching_rules_of_its_bus() {
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
        let bus = EventBus::new(&rules, Arc::clone(&queues), clock).unwrap();
        let event = json!({ "source": "s", "detail-type": "d", "detail": { "on": true } });
        let event = BusEnvelope::complete(event, bus.clock()).unwrap();
        assert_eq!(bus.deliver(None, &event).unwrap(), ["Here"]);
        let arn = "arn:aws:events:local:000000000000:event-bus/aws.partner/x/1";
        assert_eq!(bus.deliver(Some(arn), &event).unwrap(), ["Partner"]);
        assert!(bus.deliver(Some("elsewhere"), &event).unwrap().is_empty());
        let depths: Vec<_> = queues.overview().iter().map(|q| q["visible"].clone()).collect();
        assert_eq!(depths, [1, 2]);
    }
    #[test]
    fn an_invalid_pattern_is_reported_with_its_path_in_the_template() {
        let clock = StackClock::system();
        let queues = Queues::open(Vec::new(), None, Arc::clone(&clock)).unwrap();
        let rules = [rule("Own", "default", &json!({ "source": [{ "cidr": "x" }] }), &[])];
        let error = EventBus::new(&rules, queues, clock).err().unwrap().to_string();
        assert!(error.starts_with("Resources.Own.Properties.EventPattern: source: "), "{error}");
    }
}
