//! Topic rules and custom authorizers.

use super::Result;
use crate::{
    error::Location,
    model::{Authorizer, LogicalId, Rule, RuleAction},
    raw,
    scope::Scope,
};

/// The only SQL version the rules are written in (and `parvis-iot-sql` evaluates).
const SQL_VERSION: &str = "2016-03-23";

pub fn rule(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Rule> {
    let raw: raw::TopicRule = scope.properties(&logical_id, raw::RULE_IGNORED)?;
    let at = Location::of(&logical_id).join("TopicRulePayload");
    let payload = raw.topic_rule_payload;
    // Without AwsIotSqlVersion AWS evaluates by the rules of 2015-10-08.
    if payload.aws_iot_sql_version.as_deref() != Some(SQL_VERSION) {
        return Err(at.join("AwsIotSqlVersion").invalid(format!("only {SQL_VERSION} is supported")));
    }
    let actions = payload.actions.into_iter().enumerate();
    let actions = actions.map(|(i, raw)| action(scope, raw, &at.join("Actions").join(i))).collect::<Result<_>>()?;
    let error_action = payload.error_action.map(|raw| action(scope, raw, &at.join("ErrorAction"))).transpose()?;
    Ok(Rule {
        name: scope.physical_name(logical_id.as_str())?,
        sql: payload.sql,
        actions,
        error_action,
        enabled: !payload.rule_disabled.0,
        logical_id,
    })
}

fn action(scope: &Scope<'_>, raw: raw::Action, at: &Location) -> Result<RuleAction> {
    Ok(match raw {
        raw::Action::Sqs(sqs) => RuleAction::Sqs {
            queue: scope.find("AWS::SQS::Queue", &sqs.queue_url, &at.join("Sqs.QueueUrl"))?,
            use_base64: sqs.use_base64.0,
        },
        raw::Action::Lambda(lambda) => RuleAction::Lambda {
            function: scope.find("AWS::Serverless::Function", &lambda.function_arn, &at.join("Lambda.FunctionArn"))?,
        },
    })
}

pub fn authorizer(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Authorizer> {
    let raw: raw::Authorizer = scope.properties(&logical_id, raw::AUTHORIZER_IGNORED)?;
    let at = Location::of(&logical_id).join("AuthorizerFunctionArn");
    Ok(Authorizer {
        name: scope.physical_name(logical_id.as_str())?,
        function: scope.find("AWS::Serverless::Function", &raw.authorizer_function_arn, &at)?,
        signed: !raw.signing_disabled.0,
        enabled: raw.status.is_some_and(|status| status == "ACTIVE"),
        logical_id,
    })
}
