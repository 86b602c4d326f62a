//! The event sources other than HTTP: rules of event buses, queues, and the event declarations of
//! functions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::evaluate::TemplateNames;
use super::functions::pick;
use super::sam::{EventBusProperties, QueueProperties, RuleProperties, ScheduleEvent, SqsEvent};
use super::{ACCOUNT, REGION, Resource, TemplateError, parse};
use crate::bus::EventPattern;
use crate::schedule::ScheduleExpression;

/// An `AWS::SQS::Queue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its logical id, which is also its name on this machine.
    pub name: String,
    /// The visibility timeout after a receive.
    pub visibility: Duration,
    /// The retention of a message.
    pub retention: Duration,
    /// The delay before a new message is visible.
    pub delay: Duration,
    /// The redrive policy for messages that fail repeatedly.
    pub redrive: Option<Redrive>,
}

/// A queue's `RedrivePolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// The name of the queue for dead letters.
    pub dead_letters: String,
    /// The maximum receive count of a message.
    pub max_receives: u32,
}

/// An `AWS::Events::Rule` that is enabled.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Its logical id.
    pub name: String,
    /// The name of its bus.
    pub bus: String,
    /// The pattern of the events that it matches.
    pub pattern: EventPattern,
    /// The names of the queues that get the events.
    pub queues: Vec<String>,
}

/// An event source mapping: a queue whose messages a function gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMapping {
    /// The name of the queue.
    pub queue: String,
    /// The maximum number of messages in an invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub window: Duration,
    /// Whether the answer lists the messages that failed.
    pub reports_failures: bool,
    /// The maximum number of concurrent batches, if it is limited.
    pub concurrency: Option<usize>,
}

/// A schedule of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// The function's logical id followed by the event's name.
    pub name: String,
    /// The service of the schedule, because the two services send different events.
    pub scheduler: Scheduler,
    /// When it is due.
    pub expression: ScheduleExpression,
    /// The input that replaces the default event.
    pub input: Option<String>,
    /// Whether the schedule is enabled.
    pub enabled: bool,
}

/// The two services that invoke a function on a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// `ScheduleV2`: EventBridge Scheduler, which replaces keywords in the input.
    Scheduler,
    /// `Schedule`: a rule of the default event bus.
    Rule,
}

/// The ARN of a queue on this machine.
pub(crate) fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

pub(super) fn queues(
    names: &TemplateNames,
    resources: &BTreeMap<&str, Resource<'_>>,
) -> Result<Vec<QueueSpec>, TemplateError> {
    let keys = [
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "FifoQueue",
        "RedrivePolicy",
    ];
    let mut queues = Vec::new();
    for (id, resource) in resources.iter().filter(|(_, r)| r.kind == "AWS::SQS::Queue") {
        let at = format!("Resources.{id}.Properties");
        let read: QueueProperties = parse(pick(names, resource.properties, &keys, &at)?, &at)?;
        if read.fifo_queue {
            return Err(TemplateError::at(&at, "the local stack has no FIFO queues"));
        }
        let redrive = read.redrive_policy.map(|policy| {
            let dead_letters =
                queue_of(&policy.dead_letter_target_arn, resources).ok_or_else(|| {
                    TemplateError::at(&at, "deadLetterTargetArn is no queue of this template")
                })?;
            Ok(Redrive { dead_letters, max_receives: policy.max_receive_count })
        });
        queues.push(QueueSpec {
            name: (*id).to_owned(),
            visibility: Duration::from_secs(read.visibility_timeout),
            retention: Duration::from_secs(read.message_retention_period),
            delay: Duration::from_secs(read.delay_seconds),
            redrive: redrive.transpose()?,
        });
    }
    Ok(queues)
}

fn queue_of(arn: &str, resources: &BTreeMap<&str, Resource<'_>>) -> Option<String> {
    resources
        .iter()
        .find(|(id, resource)| resource.kind == "AWS::SQS::Queue" && queue_arn(id) == arn)
        .map(|(id, _)| (*id).to_owned())
}

/// The name of an `AWS::Events::EventBus`.
pub(super) fn event_bus(
    names: &TemplateNames,
    id: &str,
    properties: &Yaml,
) -> Result<String, TemplateError> {
    let at = format!("Resources.{id}.Properties");
    let read: EventBusProperties = parse(pick(names, properties, &["Name"], &at)?, &at)?;
    Ok(read.name)
}

pub(super) fn rules(
    names: &TemplateNames,
    resources: &BTreeMap<&str, Resource<'_>>,
    queues: &[QueueSpec],
) -> Result<Vec<RuleSpec>, TemplateError> {
    let keys = ["EventBusName", "EventPattern", "ScheduleExpression", "State", "Targets"];
    let mut rules = Vec::new();
    for (id, resource) in resources.iter().filter(|(_, r)| r.kind == "AWS::Events::Rule") {
        let at = format!("Resources.{id}.Properties");
        let read: RuleProperties = parse(pick(names, resource.properties, &keys, &at)?, &at)?;
        if read.state.as_deref() == Some("DISABLED") {
            continue;
        }
        if read.schedule_expression.is_some() {
            let help = "give the function an event of the type ScheduleV2";
            let problem = format!("the local stack has no rules with a schedule: {help}");
            return Err(TemplateError::at(&format!("{at}.ScheduleExpression"), problem));
        }
        let at_pattern = format!("{at}.EventPattern");
        let pattern =
            read.event_pattern.ok_or_else(|| TemplateError::at(&at_pattern, "is missing"))?;
        let pattern = EventPattern::parse(&pattern)
            .map_err(|problem| TemplateError::at(&at_pattern, problem))?;
        let targets = read.targets.iter().enumerate();
        rules.push(RuleSpec {
            name: (*id).to_owned(),
            bus: crate::bus::bus_name(read.event_bus_name.as_deref()).to_owned(),
            pattern,
            queues: targets
                .map(|(index, target)| {
                    self::target(target, queues, &format!("{at}.Targets[{index}]"))
                })
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(rules)
}

/// The queue that is a rule's target.
fn target(
    target: &BTreeMap<String, Json>,
    queues: &[QueueSpec],
    at: &str,
) -> Result<String, TemplateError> {
    // `RetryPolicy` and `DeadLetterConfig` apply to unreachable targets, which do not exist here.
    let served = ["Id", "Arn", "RetryPolicy", "DeadLetterConfig"];
    if let Some(key) = target.keys().find(|key| !served.contains(&key.as_str())) {
        let problem = "the local stack passes events to queues as they are";
        return Err(TemplateError::at(&format!("{at}.{key}"), problem));
    }
    let arn = target.get("Arn").and_then(Json::as_str).unwrap_or_default();
    named(arn, queues, &format!("{at}.Arn"))
}

fn named(arn: &str, queues: &[QueueSpec], at: &str) -> Result<String, TemplateError> {
    queues
        .iter()
        .find(|queue| queue_arn(&queue.name) == arn)
        .map(|queue| queue.name.clone())
        .ok_or_else(|| {
            TemplateError::at(at, format!("{arn:?} is not the ARN of a queue of this template"))
        })
}

/// A function's event of the type `SQS`; `None` if it is disabled.
pub(super) fn mapping(
    names: &TemplateNames,
    properties: &Yaml,
    queues: &[QueueSpec],
    at: &str,
) -> Result<Option<QueueMapping>, TemplateError> {
    let keys = [
        "Queue",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FunctionResponseTypes",
        "ScalingConfig",
        "Enabled",
        "FilterCriteria",
    ];
    let read: SqsEvent = parse(pick(names, properties, &keys, at)?, at)?;
    if !read.enabled {
        return Ok(None);
    }
    if read.filter_criteria.is_some() {
        return Err(TemplateError::at(
            at,
            "the local stack does not filter messages (FilterCriteria)",
        ));
    }
    let response_types = read.function_response_types;
    if let Some(kind) = response_types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        return Err(TemplateError::at(at, format!("FunctionResponseTypes: {kind} is not known")));
    }
    if read.batch_size == 0 || read.scaling_config.maximum_concurrency == Some(0) {
        return Err(TemplateError::at(at, "BatchSize and MaximumConcurrency are at least 1"));
    }
    Ok(Some(QueueMapping {
        queue: named(&read.queue, queues, &format!("{at}.Queue"))?,
        batch_size: read.batch_size,
        window: Duration::from_secs(read.maximum_batching_window_in_seconds),
        reports_failures: !response_types.is_empty(),
        concurrency: read.scaling_config.maximum_concurrency,
    }))
}

/// A function's event of the type `Schedule` or `ScheduleV2`.
pub(super) fn schedule(
    names: &TemplateNames,
    kind: &str,
    name: &str,
    properties: &Yaml,
    at: &str,
) -> Result<ScheduleSpec, TemplateError> {
    let keys = [
        "Schedule",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "StartDate",
        "EndDate",
        "Input",
        "State",
        "Enabled",
    ];
    let read: ScheduleEvent = parse(pick(names, properties, &keys, at)?, at)?;
    if read.schedule_expression_timezone.is_some_and(|zone| zone != "UTC") {
        return Err(TemplateError::at(at, "the local stack knows schedules in UTC"));
    }
    if read.start_date.is_some() || read.end_date.is_some() {
        return Err(TemplateError::at(at, "the local stack knows no StartDate or EndDate"));
    }
    let expression = ScheduleExpression::parse(&read.schedule_expression).map_err(|problem| {
        TemplateError::at(at, format!("the schedule {:?}: {problem}", read.schedule_expression))
    })?;
    if let Some(input) = &read.input
        && !crate::schedule::is_json(input)
    {
        return Err(TemplateError::at(&format!("{at}.Input"), "is not JSON"));
    }
    Ok(ScheduleSpec {
        name: name.to_owned(),
        scheduler: if kind == "Schedule" { Scheduler::Rule } else { Scheduler::Scheduler },
        expression,
        input: read.input,
        enabled: read.enabled && read.state.as_deref() != Some("DISABLED"),
    })
}
