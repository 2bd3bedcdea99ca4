//! IoT policy documents: what an authorizer's answer allows.

use serde::Deserialize;

/// The actions of MQTT clients that policies speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Connect,
    Publish,
    RetainPublish,
    Subscribe,
    Receive,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "iot:Connect",
            Self::Publish => "iot:Publish",
            Self::RetainPublish => "iot:RetainPublish",
            Self::Subscribe => "iot:Subscribe",
            Self::Receive => "iot:Receive",
        }
    }

    /// The kind of resource that the action is about.
    fn resource_kind(self) -> &'static str {
        match self {
            Self::Connect => "client",
            Self::Publish | Self::RetainPublish | Self::Receive => "topic",
            Self::Subscribe => "topicfilter",
        }
    }
}

/// A policy document. Conditions and policy variables are not supported: a statement with a condition is refused as unreadable,
/// and a variable stands for itself, which no topic contains.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyDocument {
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::Many(many) => many,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl Statement {
    fn names(&self, action: Action) -> bool {
        let name = action.name().to_ascii_lowercase();
        self.action.as_slice().iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
    }

    fn speaks_of(&self, action: Action, resource: &str) -> bool {
        self.names(action) && self.resource.as_slice().iter().any(|arn| matches(resource_part(arn), resource))
    }
}

/// Whether `documents` together allow `action` on `resource`: a client id, a topic or a topic filter, as the action requires. A
/// filter is compared as it is written: `topicfilter/parking/#` allows just that filter, `topicfilter/parking/*` all that begin so.
pub(super) fn allows(documents: &[PolicyDocument], action: Action, resource: &str) -> bool {
    let resource = format!("{}/{resource}", action.resource_kind());
    let speaking = || {
        documents
            .iter()
            .flat_map(|document| document.statement.as_slice())
            .filter(|statement| statement.speaks_of(action, &resource))
    };
    speaking().all(|statement| statement.effect == Effect::Allow) && speaking().next().is_some()
}

/// Whether `documents` allow `action` on any resource.
pub(super) fn allows_somewhere(documents: &[PolicyDocument], action: Action) -> bool {
    let mut statements = documents.iter().flat_map(|document| document.statement.as_slice());
    statements.any(|statement| statement.effect == Effect::Allow && statement.names(action))
}

/// The `topic/a` of `arn:aws:iot:eu-west-3:123456789012:topic/a`. Region and account are not compared: there is only one of each.
fn resource_part(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

/// IAM's wildcards: `*` for any text, also none, and `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go back to: the last star, and how much text it stands for so far.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, covered)) = star {
            star = Some((at, covered + 1));
            p = at + 1;
            t = covered + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents(statements: serde_json::Value) -> Vec<PolicyDocument> {
        vec![serde_json::from_value(json!({"Version": "2012-10-17", "Statement": statements})).unwrap()]
    }

    #[test]
    fn wildcards_are_those_of_iam() {
        assert!(matches("*", ""));
        assert!(matches("topic/parking/*", "topic/parking/Zone_A/place_3"));
        assert!(matches("topic/*/parking/*", "topic/north/parking/Zone_A/place_3"));
        assert!(matches("iot:?ubscribe", "iot:subscribe"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("topic/parking/*", "topic/summary/parking"));
        assert!(!matches("a*b", "a-b-c"));
        assert!(!matches("topic/parking/+", "topic/parking/Zone_A"), "MQTT's wildcards are plain characters here");
    }

    #[test]
    fn what_is_allowed_is_allowed_and_nothing_else() {
        let documents = documents(json!([
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:eu-west-3:1:client/*"},
            {"Effect": "Allow", "Action": ["iot:Subscribe"], "Resource": ["arn:aws:iot:eu-west-3:1:topicfilter/parking/#"]},
            {"Effect": "Allow", "Action": "iot:Receive", "Resource": "arn:aws:iot:eu-west-3:1:topic/parking/*"},
        ]));
        assert!(allows(&documents, Action::Connect, "browser-1"));
        assert!(allows(&documents, Action::Subscribe, "parking/#"));
        assert!(!allows(&documents, Action::Subscribe, "parking/Zone_A/#"));
        assert!(!allows(&documents, Action::Subscribe, "#"));
        assert!(allows(&documents, Action::Receive, "parking/summary"));
        assert!(!allows(&documents, Action::Receive, "rights/AA-123-AA"));
        assert!(!allows(&documents, Action::Publish, "parking/summary"));
        assert!(!allows(&documents, Action::RetainPublish, "parking/summary"));
    }

    #[test]
    fn a_denial_outweighs_every_permission() {
        let documents = documents(json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": "no-plates", "Effect": "Deny", "Action": "iot:*", "Resource": "arn:aws:iot:*:*:topicfilter/*/plate"},
        ]));
        assert!(allows(&documents, Action::Subscribe, "parking/Zone_A/+"));
        assert!(!allows(&documents, Action::Subscribe, "parking/Zone_A/place_3/plate"));
        assert!(!allows(&[], Action::Connect, "anyone"));
    }

    #[test]
    fn a_condition_is_not_silently_dropped() {
        let conditional = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}});
        assert!(serde_json::from_value::<PolicyDocument>(conditional).is_err());
    }
}
