//! The event sources other than HTTP: rules of event buses, queues, and the event declarations of
//! functions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::error::{TemplateResult, invalid};
use super::names::TemplateNames;
use super::resources::Resources;
use super::sam::{QueueProperties, RuleProperties, ScheduleEvent, SqsEvent};
use super::spec::{QueueMapping, QueueSpec, Redrive, RuleSpec, ScheduleSpec, Scheduler};
use super::yaml::parse;
use crate::arn::{bus_name, queue_arn};

pub(super) fn queues(
    names: &TemplateNames,
    resources: &Resources<'_>,
) -> TemplateResult<Vec<QueueSpec>> {
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
        let read: QueueProperties = parse(names.pick(resource.properties, &keys, &at)?, &at)?;
        if read.fifo_queue {
            return Err(invalid(&at, "FIFO queues are not supported"));
        }
        let redrive = read.redrive_policy.map(|policy| {
            let dead_letters =
                queue_of(&policy.dead_letter_target_arn, resources).ok_or_else(|| {
                    invalid(&at, "deadLetterTargetArn is not the ARN of a queue of this template")
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

fn queue_of(arn: &str, resources: &Resources<'_>) -> Option<String> {
    resources
        .iter()
        .find(|(id, resource)| resource.kind == "AWS::SQS::Queue" && queue_arn(id) == arn)
        .map(|(id, _)| (*id).to_owned())
}

pub(super) fn rules(
    names: &TemplateNames,
    resources: &Resources<'_>,
    queues: &[QueueSpec],
) -> TemplateResult<Vec<RuleSpec>> {
    let keys = ["EventBusName", "EventPattern", "ScheduleExpression", "State", "Targets"];
    let mut rules = Vec::new();
    for (id, resource) in resources.iter().filter(|(_, r)| r.kind == "AWS::Events::Rule") {
        let at = format!("Resources.{id}.Properties");
        let read: RuleProperties = parse(names.pick(resource.properties, &keys, &at)?, &at)?;
        if read.state.as_deref() == Some("DISABLED") {
            continue;
        }
        if read.schedule_expression.is_some() {
            let help = "give the function an event of the type ScheduleV2";
            let problem = format!("a rule with a schedule is not supported: {help}");
            return Err(invalid(&format!("{at}.ScheduleExpression"), problem));
        }
        let pattern_path = format!("{at}.EventPattern");
        let pattern = read.event_pattern.ok_or_else(|| invalid(&pattern_path, "is missing"))?;
        let targets = read.targets.iter().enumerate();
        rules.push(RuleSpec {
            name: (*id).to_owned(),
            bus: bus_name(read.event_bus_name.as_deref()).to_owned(),
            pattern,
            pattern_path,
            queues: targets
                .map(|(index, target)| {
                    self::target(target, queues, &format!("{at}.Targets[{index}]"))
                })
                .collect::<TemplateResult<_>>()?,
        });
    }
    Ok(rules)
}

/// The queue that is a rule's target.
fn target(
    target: &BTreeMap<String, Json>,
    queues: &[QueueSpec],
    at: &str,
) -> TemplateResult<String> {
    // `RetryPolicy` and `DeadLetterConfig` apply to unreachable targets, which do not exist here.
    let served = ["Id", "Arn", "RetryPolicy", "DeadLetterConfig"];
    if let Some(key) = target.keys().find(|key| !served.contains(&key.as_str())) {
        let problem = "is not supported: events are sent to queues unchanged";
        return Err(invalid(&format!("{at}.{key}"), problem));
    }
    let arn = target.get("Arn").and_then(Json::as_str).unwrap_or_default();
    named(arn, queues, &format!("{at}.Arn"))
}

fn named(arn: &str, queues: &[QueueSpec], at: &str) -> TemplateResult<String> {
    queues
        .iter()
        .find(|queue| queue_arn(&queue.name) == arn)
        .map(|queue| queue.name.clone())
        .ok_or_else(|| invalid(at, format!("{arn:?} is not the ARN of a queue of this template")))
}

/// A function's event of the type `SQS`; `None` if it is disabled.
pub(super) fn mapping(
    names: &TemplateNames,
    properties: &Yaml,
    queues: &[QueueSpec],
    at: &str,
) -> TemplateResult<Option<QueueMapping>> {
    let keys = [
        "Queue",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FunctionResponseTypes",
        "ScalingConfig",
        "Enabled",
        "FilterCriteria",
    ];
    let read: SqsEvent = parse(names.pick(properties, &keys, at)?, at)?;
    if !read.enabled {
        return Ok(None);
    }
    if read.filter_criteria.is_some() {
        return Err(invalid(at, "FilterCriteria is not supported"));
    }
    let response_types = read.function_response_types;
    if let Some(kind) = response_types.iter().find(|kind| *kind != "ReportBatchItemFailures") {
        let problem = format!("unsupported value `{kind}` for `FunctionResponseTypes`");
        return Err(invalid(at, problem));
    }
    if read.batch_size == 0 || read.scaling_config.maximum_concurrency == Some(0) {
        return Err(invalid(at, "BatchSize and MaximumConcurrency must be at least 1"));
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
) -> TemplateResult<ScheduleSpec> {
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
    let read: ScheduleEvent = parse(names.pick(properties, &keys, at)?, at)?;
    if read.schedule_expression_timezone.is_some_and(|zone| zone != "UTC") {
        return Err(invalid(at, "the only supported ScheduleExpressionTimezone is UTC"));
    }
    if read.start_date.is_some() || read.end_date.is_some() {
        return Err(invalid(at, "StartDate and EndDate are not supported"));
    }
    Ok(ScheduleSpec {
        name: name.to_owned(),
        scheduler: if kind == "Schedule" { Scheduler::Rule } else { Scheduler::Scheduler },
        expression: read.schedule_expression,
        input: read.input,
        enabled: read.enabled && read.state.as_deref() != Some("DISABLED"),
        path: at.to_owned(),
    })
}
