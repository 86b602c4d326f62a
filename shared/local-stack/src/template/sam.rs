//! The SAM template's syntax, limited to what the stack reads of its resources.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FunctionProperties {
    pub(super) code_uri: Option<String>,
    pub(super) timeout: Option<u64>,
    pub(super) memory_size: Option<u32>,
    pub(super) environment: Environment,
    pub(super) reserved_concurrent_executions: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, Json>,
}

/// An `AWS::ApiGatewayV2::Api`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiProperties {
    pub(super) cors_configuration: Option<CorsConfiguration>,
}

/// An `AWS::ApiGatewayV2::Stage`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct StageProperties {
    pub(super) default_route_settings: ThrottlingProperties,
    pub(super) route_settings: BTreeMap<String, ThrottlingProperties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CorsConfiguration {
    pub(super) allow_origins: Vec<String>,
    pub(super) allow_methods: Vec<String>,
    pub(super) allow_headers: Vec<String>,
    pub(super) expose_headers: Vec<String>,
    pub(super) max_age: Option<u64>,
    pub(super) allow_credentials: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ThrottlingProperties {
    pub(super) throttling_rate_limit: Option<f64>,
    pub(super) throttling_burst_limit: Option<f64>,
}

/// An `AWS::ApiGatewayV2::Route`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RouteProperties {
    pub(super) route_key: String,
    #[serde(default = "no_authorization")]
    pub(super) authorization_type: String,
    pub(super) authorizer_id: Option<String>,
    #[serde(default)]
    pub(super) authorization_scopes: Vec<String>,
    pub(super) target: String,
}

/// An `AWS::ApiGatewayV2::Integration`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IntegrationProperties {
    pub(super) integration_type: String,
    pub(super) integration_uri: String,
    pub(super) payload_format_version: String,
}

/// An `AWS::ApiGatewayV2::Authorizer`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthorizerProperties {
    pub(super) authorizer_type: String,
    pub(super) identity_source: Vec<String>,
    pub(super) jwt_configuration: Option<JwtConfiguration>,
    pub(super) authorizer_uri: Option<String>,
    pub(super) authorizer_payload_format_version: Option<String>,
    #[serde(default)]
    pub(super) enable_simple_responses: bool,
    #[serde(default = "authorizer_ttl")]
    pub(super) authorizer_result_ttl_in_seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct JwtConfiguration {
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct QueueProperties {
    pub(super) visibility_timeout: u64,
    pub(super) message_retention_period: u64,
    pub(super) delay_seconds: u64,
    pub(super) fifo_queue: bool,
    pub(super) redrive_policy: Option<RedrivePolicy>,
}

impl Default for QueueProperties {
    /// SQS's own defaults: 30 seconds, four days, none.
    fn default() -> Self {
        Self {
            visibility_timeout: 30,
            message_retention_period: 4 * 24 * 3600,
            delay_seconds: 0,
            fifo_queue: false,
            redrive_policy: None,
        }
    }
}

/// SQS spells these two in lower case.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RedrivePolicy {
    pub(super) dead_letter_target_arn: String,
    pub(super) max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SecretProperties {
    pub(super) generate_secret_string: Option<GenerateSecretString>,
    pub(super) secret_string: Option<Json>,
}

/// The other properties only restrict the characters, which does not matter here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateSecretString {
    #[serde(default = "password_length")]
    pub(super) password_length: usize,
    pub(super) secret_string_template: Option<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventBusProperties {
    pub(super) name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RuleProperties {
    pub(super) event_bus_name: Option<String>,
    pub(super) event_pattern: Option<Json>,
    pub(super) schedule_expression: Option<Json>,
    pub(super) state: Option<String>,
    pub(super) targets: Vec<BTreeMap<String, Json>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SqsEvent {
    pub(super) queue: String,
    #[serde(default = "batch_size")]
    pub(super) batch_size: usize,
    #[serde(default)]
    pub(super) maximum_batching_window_in_seconds: u64,
    #[serde(default)]
    pub(super) function_response_types: Vec<String>,
    #[serde(default)]
    pub(super) scaling_config: ScalingConfig,
    #[serde(default = "enabled")]
    pub(super) enabled: bool,
    pub(super) filter_criteria: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ScalingConfig {
    pub(super) maximum_concurrency: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleEvent {
    #[serde(alias = "Schedule")]
    pub(super) schedule_expression: String,
    pub(super) schedule_expression_timezone: Option<String>,
    pub(super) start_date: Option<String>,
    pub(super) end_date: Option<String>,
    pub(super) input: Option<String>,
    pub(super) state: Option<String>,
    #[serde(default = "enabled")]
    pub(super) enabled: bool,
}

/// API Gateway's default.
fn no_authorization() -> String {
    "NONE".to_owned()
}

/// API Gateway's default.
fn authorizer_ttl() -> u64 {
    300
}

/// Secrets Manager's default.
fn password_length() -> usize {
    32
}

/// Lambda's default for a queue.
fn batch_size() -> usize {
    10
}

fn enabled() -> bool {
    true
}
