//! Public list prices. Change them here and nowhere else.
//!
//! Free tiers and volume discounts are left out, so the first million costs less than what is computed and the
//! thousandth too.

/// Prices of one region, USD.
#[derive(Debug)]
pub struct Prices {
    /// The region.
    pub region: &'static str,
    /// Of when they are.
    pub as_of: &'static str,
    /// AWS IoT Core, messages of up to 5 KB: published to it, retained by it, delivered by it. Not for Basic Ingest.
    pub iot_message: f64,
    /// A rule triggered, up to 5 KB.
    pub iot_rule: f64,
    /// An action of a rule, up to 5 KB.
    pub iot_action: f64,
    /// A request to a standard queue, up to 64 KB.
    pub sqs_request: f64,
    /// A Lambda request.
    pub lambda_request: f64,
    /// A GB-second of Lambda on arm64.
    pub lambda_gb_second: f64,
    /// An on-demand write request unit of DynamoDB (standard table class).
    pub dynamodb_write: f64,
    /// An on-demand read request unit.
    pub dynamodb_read: f64,
    /// A GB of logs taken in by CloudWatch.
    pub log_gb: f64,
    /// A trace recorded by X-Ray.
    pub xray_trace: f64,
}

const MILLION: f64 = 1e6;

/// US East (N. Virginia), to be found at aws.amazon.com/{iot-core,sqs,lambda,dynamodb,cloudwatch,xray}/pricing.
///
/// How sure they are: DynamoDB's (halved on 2024-11-01) were checked against a public article of 2025-07-21
/// (airbyte.com/data-engineering-resources/dynamodb-pricing), that retained messages are metered once more against AWS's page of
/// metering details. The others are list prices as known in 2025, entered without access to the live pages: check them before
/// quoting a total. What DynamoDB Streams delivers to Lambda is free of charge.
pub const US_EAST_1: Prices = Prices {
    region: "us-east-1",
    as_of: "2025",
    iot_message: 1.00 / MILLION,
    iot_rule: 0.15 / MILLION,
    iot_action: 0.15 / MILLION,
    sqs_request: 0.40 / MILLION,
    lambda_request: 0.20 / MILLION,
    lambda_gb_second: 0.000_013_333_4,
    dynamodb_write: 0.625 / MILLION,
    dynamodb_read: 0.125 / MILLION,
    log_gb: 0.50,
    xray_trace: 5.00 / MILLION,
};
