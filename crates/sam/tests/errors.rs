//! Whatever the model does not understand is an error that names the resource and the property.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;

use parvis_sam::{Resolution, Template};

fn error(text: &str, resolution: &Resolution) -> String {
    let error = Template::parse(text).and_then(|template| template.resolve(resolution).map(drop)).unwrap_err();
    std::error::Error::source(&error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// The error of each case, below what caused it.
fn report(cases: &[&str], template: impl Fn(&str) -> String) -> String {
    cases.iter().fold(String::new(), |mut report, case| {
        writeln!(report, "{case}\n    {}", error(&template(case), &Resolution::default())).unwrap();
        report
    })
}

#[test]
fn unknown_types_and_properties_are_named() {
    let cases = [
        "{Type: AWS::Kinesis::Stream}",
        "{Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}",
        "{Properties: {}}",
        "{Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: -1}}",
        "{Type: AWS::DynamoDB::Table, Properties: {KeySchema: [], AttributeDefinitions: []}}",
        "{Type: AWS::Serverless::Function, Properties: {CodeUri: src}}",
        "{Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, Policies: [AWSLambdaRole]}}",
        "{Type: AWS::Serverless::Function, Properties: {CodeUri: functions/f, Events: {E: {Type: S3, Properties: {}}}}}",
    ];
    insta::assert_snapshot!("unknown", report(&cases, |case| format!("Resources: {{X: {case}}}")));
}

#[test]
fn references_to_nothing_are_named() {
    let cases = [
        "!Ref Nothing",
        "!GetAtt Nothing.Arn",
        "!GetAtt Q.Colour",
        "!Sub '${Q.Arn}-other'",
        "!FindInMap [A, B, C]",
        "!If [Maybe, a, b]",
        "!ImportValue x",
        "'{{resolve:secretsmanager:key}}'",
        "'{{resolve:ssm:key}}'",
        "!Join [',']",
        "!Select [3, [a, b]]",
        "!Sub 'a ${b'",
    ];
    let queue = |value: &str| {
        let policy = format!("{{deadLetterTargetArn: {value}, maxReceiveCount: 3}}");
        format!("Resources: {{Q: {{Type: AWS::SQS::Queue, Properties: {{RedrivePolicy: {policy}}}}}}}")
    };
    insta::assert_snapshot!("references", report(&cases, queue));
}

#[test]
fn wiring_is_checked() {
    let cases = [
        "{Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /, Auth: {Authorizer: Login}}}",
        "{Type: HttpApi, Properties: {ApiId: other, Method: GET, Path: /}}",
        "{Type: HttpApi, Properties: {Method: GET, Path: /}}",
        "{Type: SQS, Properties: {Queue: 'arn:aws:sqs:::q'}}",
        "{Type: SQS, Properties: {Queue: 'arn:aws:sqs:::q', BatchSize: lots}}",
        "{Type: Schedule, Properties: {Schedule: hourly}}",
        "{Type: Schedule, Properties: {Schedule: rate(1 hour), Input: '{'}}",
    ];
    let function = |event: &str| {
        let properties = format!("{{CodeUri: functions/f, Events: {{E: {event}}}}}");
        format!(
            "Resources: {{Api: {{Type: AWS::Serverless::HttpApi}}, \
             F: {{Type: AWS::Serverless::Function, Properties: {properties}}}}}"
        )
    };
    insta::assert_snapshot!("wiring", report(&cases, function));
}

#[test]
fn parameters_are_checked() {
    let text = "Parameters: {N: {Type: Number, MinValue: 1}, S: {Type: String, AllowedValues: [a, b], Default: a}}\nResources: {}";
    let n = |value: &str| Resolution::default().parameter("N", value);
    let cases = [Resolution::default(), n("0"), n("many"), n("1").parameter("S", "c"), n("1").parameter("T", "c")];
    let errors: Vec<_> = cases.iter().map(|resolution| error(text, resolution)).collect();
    insta::assert_snapshot!("parameters", errors.join("\n"));
}

#[test]
fn a_condition_that_refers_to_itself_ends() {
    let text = "Conditions: {A: !Not [!Condition A]}\nResources: {T: {Type: AWS::SNS::Topic, Condition: A}}";
    assert_eq!(error(text, &Resolution::default()), "Conditions.A: condition A is not defined or refers to itself");
}

#[test]
fn text_that_is_no_template_is_refused() {
    assert_eq!(error("[1, 2]", &Resolution::default()), "Resources: a template is a mapping with Resources");
    assert!(error("a: [", &Resolution::default()).starts_with("<text>: not a template: "));
}
