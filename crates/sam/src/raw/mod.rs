//! The properties of each resource type as CloudFormation and SAM write them.
//!
//! Every struct refuses unknown fields, so that a property without meaning here is an error rather than a silent difference
//! from the deployment; the `*_IGNORED` lists name the properties that change nothing for whoever runs the model.

mod scalar;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use scalar::{Flag, Int, OneOrMany, Scalar};

pub const FUNCTION_IGNORED: &[&str] = &[
    "Architectures",
    "Description",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "PermissionsBoundary",
    "Policies",
    "Runtime",
    "Tags",
    "Tracing",
    "VpcConfig",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Function {
    pub code_uri: String,
    pub function_name: Option<String>,
    pub memory_size: Option<Int>,
    pub timeout: Option<Int>,
    pub reserved_concurrent_executions: Option<Int>,
    #[serde(default)]
    pub environment: Environment,
    #[serde(default)]
    pub events: BTreeMap<String, EventSource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Environment {
    #[serde(default)]
    pub variables: BTreeMap<String, Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "Type", content = "Properties", deny_unknown_fields)]
pub enum EventSource {
    #[serde(rename = "SQS")]
    Queue(QueueEvent),
    #[serde(rename = "DynamoDB")]
    Stream(StreamEvent),
    Schedule(ScheduleEvent),
    ScheduleV2(ScheduleEvent),
    #[serde(rename = "HttpApi")]
    Http(HttpEvent),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct QueueEvent {
    pub queue: String,
    pub batch_size: Option<Int>,
    pub maximum_batching_window_in_seconds: Option<Int>,
    pub scaling_config: Option<ScalingConfig>,
    pub filter_criteria: Option<FilterCriteria>,
    #[serde(default)]
    pub function_response_types: Vec<String>,
    pub enabled: Option<Flag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ScalingConfig {
    pub maximum_concurrency: Int,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct FilterCriteria {
    pub filters: Vec<Filter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Filter {
    pub pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StreamEvent {
    pub stream: String,
    pub starting_position: String,
    pub batch_size: Option<Int>,
    pub maximum_batching_window_in_seconds: Option<Int>,
    pub parallelization_factor: Option<Int>,
    pub maximum_retry_attempts: Option<Int<i64>>,
    pub maximum_record_age_in_seconds: Option<Int<i64>>,
    #[serde(default)]
    pub bisect_batch_on_function_error: Flag,
    pub destination_config: Option<DestinationConfig>,
    pub filter_criteria: Option<FilterCriteria>,
    #[serde(default)]
    pub function_response_types: Vec<String>,
    pub enabled: Option<Flag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DestinationConfig {
    pub on_failure: Destination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Destination {
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    pub destination: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ScheduleEvent {
    #[serde(alias = "Schedule")]
    pub schedule_expression: String,
    pub schedule_expression_timezone: Option<String>,
    pub input: Option<String>,
    pub state: Option<String>,
    pub enabled: Option<Flag>,
    // What follows shapes only how AWS runs the timer.
    #[serde(rename = "Name")]
    pub _name: Option<Value>,
    #[serde(rename = "Description")]
    pub _description: Option<Value>,
    #[serde(rename = "RetryPolicy")]
    pub _retry_policy: Option<Value>,
    #[serde(rename = "DeadLetterConfig")]
    pub _dead_letter_config: Option<Value>,
    #[serde(rename = "FlexibleTimeWindow")]
    pub _flexible_time_window: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct HttpEvent {
    pub api_id: String,
    pub method: String,
    pub path: String,
    pub auth: Option<RouteAuth>,
    /// Always 2.0 by default.
    pub payload_format_version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RouteAuth {
    pub authorizer: Option<String>,
}

pub const HTTP_API_IGNORED: &[&str] =
    &["AccessLogSettings", "DefaultRouteSettings", "Description", "Name", "RouteSettings", "StageName", "Tags"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct HttpApi {
    pub cors_configuration: Option<Cors>,
    pub auth: Option<ApiAuth>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ApiAuth {
    #[serde(default)]
    pub authorizers: BTreeMap<String, JwtAuthorizer>,
    pub default_authorizer: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct JwtAuthorizer {
    pub identity_source: Option<String>,
    pub jwt_configuration: JwtConfiguration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfiguration {
    pub issuer: String,
    pub audience: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cors {
    #[serde(default)]
    pub allow_origins: Vec<String>,
    #[serde(default)]
    pub allow_methods: Vec<String>,
    #[serde(default)]
    pub allow_headers: Vec<String>,
    #[serde(default)]
    pub expose_headers: Vec<String>,
    pub max_age: Option<Int>,
    #[serde(default)]
    pub allow_credentials: Flag,
}

pub const QUEUE_IGNORED: &[&str] = &[
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Tags",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Queue {
    #[serde(rename = "QueueName")]
    pub _queue_name: Option<String>,
    pub visibility_timeout: Option<Int>,
    pub message_retention_period: Option<Int>,
    pub delay_seconds: Option<Int>,
    pub redrive_policy: Option<RedrivePolicy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedrivePolicy {
    pub dead_letter_target_arn: String,
    pub max_receive_count: Int,
}

pub const TABLE_IGNORED: &[&str] = &[
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TableClass",
    "Tags",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "TableName")]
    pub _table_name: Option<String>,
    pub attribute_definitions: Vec<AttributeDefinition>,
    pub key_schema: Vec<KeyElement>,
    #[serde(default)]
    pub global_secondary_indexes: Vec<GlobalIndex>,
    pub stream_specification: Option<StreamSpecification>,
    pub time_to_live_specification: Option<TimeToLive>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct KeyElement {
    pub attribute_name: String,
    pub key_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GlobalIndex {
    pub index_name: String,
    pub key_schema: Vec<KeyElement>,
    pub projection: Projection,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Projection {
    pub projection_type: String,
    #[serde(default)]
    pub non_key_attributes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct StreamSpecification {
    pub stream_view_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TimeToLive {
    pub attribute_name: String,
    pub enabled: Flag,
}

pub const RULE_IGNORED: &[&str] = &["Tags"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TopicRule {
    #[serde(rename = "RuleName")]
    pub _rule_name: Option<String>,
    pub topic_rule_payload: TopicRulePayload,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TopicRulePayload {
    pub sql: String,
    pub aws_iot_sql_version: Option<String>,
    #[serde(rename = "Description")]
    pub _description: Option<String>,
    pub actions: Vec<Action>,
    pub error_action: Option<Action>,
    #[serde(default)]
    pub rule_disabled: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Action {
    Sqs(SqsAction),
    Lambda(LambdaAction),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct SqsAction {
    pub queue_url: String,
    #[serde(rename = "RoleArn")]
    pub _role_arn: String,
    #[serde(default)]
    pub use_base64: Flag,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LambdaAction {
    pub function_arn: String,
}

pub const AUTHORIZER_IGNORED: &[&str] = &["EnableCachingForHttp", "Tags", "TokenKeyName", "TokenSigningPublicKeys"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Authorizer {
    #[serde(rename = "AuthorizerName")]
    pub _authorizer_name: Option<String>,
    pub authorizer_function_arn: String,
    #[serde(default)]
    pub signing_disabled: Flag,
    pub status: Option<String>,
}

pub const SUBSCRIPTION_IGNORED: &[&str] = &["DeliveryPolicy", "RedrivePolicy", "Region"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Subscription {
    pub topic_arn: String,
    pub protocol: String,
    pub endpoint: String,
    pub filter_policy: Option<Value>,
    pub filter_policy_scope: Option<String>,
}

pub const CUSTOM_IGNORED: &[&str] = &["ServiceTimeout"];

pub const SECRET_IGNORED: &[&str] = &["Description", "KmsKeyId", "Name", "Tags"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Secret {
    pub generate_secret_string: Option<GenerateSecretString>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GenerateSecretString {
    pub password_length: Option<Int>,
    #[serde(default)]
    pub exclude_punctuation: Flag,
    #[serde(default)]
    pub exclude_characters: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PolicyDocument {
    #[serde(rename = "Version")]
    pub _version: Option<String>,
    pub statement: OneOrMany<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "Sid")]
    pub _sid: Option<String>,
    pub effect: String,
    pub action: OneOrMany<String>,
    pub resource: Option<OneOrMany<String>>,
    pub not_resource: Option<OneOrMany<String>>,
    pub condition: Option<Value>,
}
