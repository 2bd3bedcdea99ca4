//! Whatever the model does not understand is an error that names the resource and the property.

use parvis_sam::{Resolution, Template};

fn error(resources: &str) -> String {
    error_with(&format!("Resources:\n{resources}"), &Resolution::default())
}

fn error_with(text: &str, resolution: &Resolution) -> String {
    Template::parse(text).and_then(|template| template.resolve(resolution).map(drop)).unwrap_err().to_string()
}

#[test]
fn unknown_types_and_properties_are_named() {
    insta::assert_snapshot!(
        error("  Stream: {Type: AWS::Kinesis::Stream}"),
        @"Stream: resource type AWS::Kinesis::Stream is not known to the model"
    );
    insta::assert_snapshot!(error("  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}"), @"");
    insta::assert_snapshot!(error("  Q: {Properties: {}}"), @"");
    insta::assert_snapshot!(
        error("  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, Events: {E: {Type: S3, Properties: {}}}}}"),
        @""
    );
    insta::assert_snapshot!(
        error("  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, Policies: [AWSLambdaRole]}}"),
        @""
    );
    insta::assert_snapshot!(error("  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: src}}"), @"");
}

#[test]
fn references_to_nothing_are_named() {
    let queue = |value: &str| {
        error(&format!(
            "  Q: {{Type: AWS::SQS::Queue, Properties: {{RedrivePolicy: {{deadLetterTargetArn: {value}, maxReceiveCount: 3}}}}}}"
        ))
    };
    insta::assert_snapshot!(queue("!Ref Nothing"), @"");
    insta::assert_snapshot!(queue("!GetAtt Nothing.Arn"), @"");
    insta::assert_snapshot!(queue("!GetAtt Q.Colour"), @"");
    insta::assert_snapshot!(queue("!Sub '${Q.Arn}-other'"), @"");
    insta::assert_snapshot!(queue("!FindInMap [A, B, C]"), @"");
    insta::assert_snapshot!(queue("!If [Maybe, a, b]"), @"");
    insta::assert_snapshot!(queue("!ImportValue x"), @"");
    insta::assert_snapshot!(queue("'{{resolve:secretsmanager:key}}'"), @"");
    insta::assert_snapshot!(queue("!Join [',']"), @"");
    insta::assert_snapshot!(queue("!Select [3, [a, b]]"), @"");
}

#[test]
fn parameters_are_checked() {
    let text = "Parameters: {N: {Type: Number, MinValue: 1}, S: {Type: String, AllowedValues: [a, b], Default: a}}\nResources: {}";
    let with = |n: &str| Resolution::default().parameter("N", n);
    insta::assert_snapshot!(error_with(text, &Resolution::default()), @"");
    insta::assert_snapshot!(error_with(text, &with("0")), @"");
    insta::assert_snapshot!(error_with(text, &with("many")), @"");
    insta::assert_snapshot!(error_with(text, &with("1").parameter("S", "c")), @"");
    insta::assert_snapshot!(error_with(text, &with("1").parameter("T", "c")), @"");
}

#[test]
fn a_condition_that_refers_to_itself_ends() {
    let text = "Conditions: {A: !Not [!Condition A]}\nResources: {T: {Type: AWS::SNS::Topic, Condition: A}}";
    insta::assert_snapshot!(error_with(text, &Resolution::default()), @"");
}

#[test]
fn wiring_is_checked() {
    let api = "  Api: {Type: AWS::Serverless::HttpApi}\n";
    let function = |event: &str| {
        error(&format!(
            "{api}  F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: functions/f, Events: {{E: {event}}}}}}}"
        ))
    };
    insta::assert_snapshot!(
        function("{Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /, Auth: {Authorizer: Login}}}"),
        @""
    );
    insta::assert_snapshot!(function("{Type: SQS, Properties: {Queue: 'arn:aws:sqs:::q'}}"), @"");
    insta::assert_snapshot!(function("{Type: SQS, Properties: {Queue: 'arn:aws:sqs:::q', BatchSize: lots}}"), @"");
    insta::assert_snapshot!(function("{Type: Schedule, Properties: {Schedule: hourly}}"), @"");
}

#[test]
fn text_that_is_no_template_is_refused() {
    insta::assert_snapshot!(error_with("[1, 2]", &Resolution::default()), @"");
    insta::assert_snapshot!(error_with("a: [", &Resolution::default()), @"");
}
