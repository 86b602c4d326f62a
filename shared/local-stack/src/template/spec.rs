//! The resources of a template as plain data.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

/// An `AWS::Serverless::Function`.
#[derive(Clone)]
pub struct FunctionSpec {
    /// Its name in the template.
    pub logical_id: String,
    /// The name of its binary: the last component of `CodeUri`.
    pub binary: String,
    /// Its environment, including that of `Globals`.
    pub environment: BTreeMap<String, String>,
    /// The timeout of one request.
    pub timeout: Duration,
    /// The memory size in megabytes.
    pub memory: u32,
    /// The maximum number of concurrent requests, if it is limited.
    pub concurrency: Option<usize>,
    /// Its routes of the HTTP API.
    pub routes: Vec<RouteSpec>,
    /// The queues whose messages it gets.
    pub queues: Vec<QueueMapping>,
    /// Its schedules.
    pub schedules: Vec<ScheduleSpec>,
}

/// One route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// The method, upper case.
    pub method: String,
    /// The path, with `{names}` for segments that vary.
    pub path: String,
    /// The access rule of the route.
    pub access: RouteAuth,
}

/// The access rule of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAuth {
    /// Every caller, without a token.
    Public,
    /// Callers with a token of the JWT authorizer's issuer.
    Jwt {
        /// The token needs one of these scopes; if the list is empty, any token is accepted.
        scopes: Vec<String>,
    },
    /// Callers that the Lambda authorizer accepts.
    Lambda,
}

/// The authorizer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizerSpec {
    /// API Gateway verifies the tokens.
    Jwt(JwtAuthorizerSpec),
    /// A function verifies them.
    Lambda(LambdaAuthorizerSpec),
}

/// A Lambda authorizer with payload format 2.0 and simple responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaAuthorizerSpec {
    /// The logical id of its function.
    pub function: String,
    /// How long a decision is reused for the same `Authorization` header.
    pub cache_for: Duration,
}

/// A JWT authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtAuthorizerSpec {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// One of these must be the `aud` (or `client_id`) of its tokens.
    pub audience: Vec<String>,
}

/// An `AWS::DynamoDB::Table`.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// The value of `Ref`: the table's name on this machine.
    pub name: String,
    /// The input of `CreateTable`, as JSON.
    pub definition: Json,
    /// The attribute that holds the time of expiry, if the table has one.
    pub ttl_attribute: Option<String>,
}

/// An `AWS::SecretsManager::Secret` whose value is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    /// Its logical id.
    pub name: String,
    /// The value of `Ref`.
    pub arn: String,
    /// The length of its value in characters.
    pub length: usize,
}

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
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Its logical id.
    pub name: String,
    /// The name of its bus.
    pub bus: String,
    /// The pattern of the events that it matches, as in the template.
    pub pattern: Json,
    /// The path of the pattern in the template, for errors.
    pub pattern_path: String,
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
    /// Whether the response lists the messages that failed.
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
    /// When it is due: the text in the template.
    pub expression: String,
    /// The input that replaces the default event.
    pub input: Option<String>,
    /// Whether the schedule is enabled.
    pub enabled: bool,
    /// The path of the event in the template, for errors.
    pub path: String,
}

/// The two services that invoke a function on a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// `ScheduleV2`: EventBridge Scheduler, which replaces keywords in the input.
    Scheduler,
    /// `Schedule`: a rule of the default event bus.
    Rule,
}

/// The values that the template does not contain.
#[derive(Clone, Default)]
pub struct Inputs {
    /// Values of parameters; they override all defaults.
    pub parameters: BTreeMap<String, String>,
    /// The stack's own values of parameters; they override the template's defaults, are not
    /// checked, and are ignored for a parameter that the template does not declare.
    pub defaults: BTreeMap<String, String>,
    /// Secrets by ARN.
    pub secrets: BTreeMap<String, String>,
}

impl std::fmt::Debug for FunctionSpec {
    /// Shows the names of the variables, not their values: one of them is the connection string.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionSpec")
            .field("logical_id", &self.logical_id)
            .field("environment", &self.environment.keys())
            .field("routes", &self.routes)
            .field("queues", &self.queues)
            .field("schedules", &self.schedules)
            .finish_non_exhaustive()
    }
}
