use super::*;

fn request(sample: &str) -> Request {
    serde_json::from_str(sample).unwrap()
}

fn authorizer() -> Authorizer {
    telemetry::init();
    // Port 9 is `discard`: an issuer that cannot be reached.
    let verifier = Verifier::new("http://127.0.0.1:9".to_owned(), "parvis-web".to_owned()).unwrap();
    Authorizer { verifier, arn_prefix: "arn:aws:iot:eu-west-3:000000000000".to_owned() }
}

#[tokio::test]
async fn a_visitor_may_read_public_topics_and_publish_nothing() {
    let decision = authorizer().decide(&request(include_str!("../../../events/mqtt-auth/visitor.json"))).await;
    insta::assert_json_snapshot!(decision);
}

#[tokio::test]
async fn a_token_that_cannot_be_verified_is_refused() {
    let decision = authorizer().decide(&request(include_str!("../../../events/mqtt-auth/bad-token.json"))).await;
    assert!(!decision.is_authenticated);
    assert!(decision.policy_documents.is_empty());
}

#[test]
fn no_policy_lets_a_browser_publish() {
    for audience in [Audience::Visitor, Audience::Staff] {
        let document = policy::document(audience, "arn:aws:iot:eu-west-3:1").to_string();
        assert!(!document.contains("Publish") && !document.contains("\"iot:*\""), "{document}");
    }
}

#[test]
fn staff_topics_are_for_people_at_work() {
    use parvis_kit::auth::Role;
    assert_eq!(Audience::of_roles(&[Role::Driver]), Audience::Visitor);
    assert_eq!(Audience::of_roles(&[Role::Driver, Role::Agent]), Audience::Staff);
    let topics = |audience| policy::document(audience, "arn").to_string().contains("topicfilter/staff/*");
    assert!(topics(Audience::Staff) && !topics(Audience::Visitor));
}

#[test]
fn parts_that_a_client_did_not_send_may_be_null_or_absent() {
    for event in ["{}", r#"{"protocolData":{"mqtt":{"username":null,"password":null,"clientId":"web-1"}}}"#] {
        assert_eq!(token_of(&request(event)), None, "{event}");
    }
}

#[test]
fn nobody_listens_in_on_plates() {
    for audience in [Audience::Visitor, Audience::Staff] {
        let document = policy::document(audience, "arn");
        let denied =
            document["Statement"].as_array().unwrap().iter().find(|statement| statement["Effect"] == "Deny").unwrap();
        assert_eq!(denied["Action"], "iot:Receive");
        assert_eq!(denied["Resource"], "arn:topic/*/plate");
    }
}
