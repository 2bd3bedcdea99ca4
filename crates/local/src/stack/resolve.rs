//! The template with this machine's values: ports instead of outputs of nested stacks, generated secrets, local queue URLs.

use anyhow::Context as _;
use parvis_sam::{GenerateSecret, Resolution, SecretReference, Stack, Template};
use rand::Rng as _;

use crate::{
    http::PROVIDER,
    identity::{self, Identity},
    options::Options,
    sns,
    state::State,
};

/// Where the stack stands in AWS's terms: a deployment of its own.
const STAGE: &str = "local";
/// Sender of invitations, which all go to the outbox.
const INVITATIONS_FROM: &str = "parvis@example.org";

/// Stands for the secret of the database's administrator: the local server trusts, and has its roles already.
const NO_ADMINISTRATOR: &str = "no-administrator";

/// Reads and resolves the template.
pub(super) fn template(
    options: &Options,
    identity: &Identity,
    queue_endpoint: &str,
    state: &State,
) -> anyhow::Result<Stack> {
    let path = options.template_path()?;
    let template = Template::load(&path)?;
    let secrets = state.clone();
    let mut resolution = Resolution::default()
        .parameter("Stage", STAGE)
        .parameter("InvitationsFrom", INVITATIONS_FROM)
        .parameter("PushFcmApplication", sns::FCM_APPLICATION)
        .parameter("PushApnsApplication", sns::APNS_APPLICATION)
        .queue_endpoint(queue_endpoint)
        .parameter("PaymentEndpoint", format!("{}{PROVIDER}", identity.issuer().trim_end_matches(identity::PATH)))
        .parameter("PaymentPublishableKey", parvis_test_provider::PUBLISHABLE_KEY)
        .parameter("OperatorClients", identity::OTHER_MACHINE_CLIENT)
        .output("Identity", "Issuer", identity.issuer())
        .output("Identity", "WebClientId", identity.client_id())
        // The pages stand at the origin of the login.
        .output("Web", "Url", identity.issuer().trim_end_matches(identity::PATH))
        .output("Identity", "OperatorClientId", identity::MACHINE_CLIENT)
        .secrets(move |reference| secret(&secrets, reference));
    // Nothing local reads these; the sandboxes get the true PostgreSQL address as environment.
    for (application, output) in [
        ("Network", "PrivateSubnetIds"),
        ("Network", "FunctionSecurityGroupId"),
        ("Network", "DatabaseSecurityGroupId"),
        ("Database", "Host"),
        ("Database", "Port"),
        ("Database", "ResourceId"),
    ] {
        resolution = resolution.output(application, output, "local");
    }
    resolution = resolution.output("Database", "AdminUser", "").output("Database", "AdminSecretArn", NO_ADMINISTRATOR);
    for (name, value) in &options.parameters {
        resolution = resolution.parameter(name, value);
    }
    template.resolve(&resolution).with_context(|| format!("{} cannot be run locally", path.display()))
}

/// A secret's value: made up once as the template says, and kept. None when it cannot be made up or kept.
fn secret(state: &State, reference: &SecretReference) -> Option<String> {
    if reference.id == NO_ADMINISTRATOR {
        return Some(String::new());
    }
    let name = format!("secret/{}", reference.logical_id.as_ref().map_or(reference.id.as_str(), |id| id.as_str()));
    if let Ok(Some(kept)) = state.fact(&name) {
        return Some(kept);
    }
    let value = generate(reference.generate.as_ref()?);
    state.set_fact(&name, &value).ok()?;
    Some(value)
}

fn generate(rule: &GenerateSecret) -> String {
    const LETTERS_AND_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const PUNCTUATION: &str = "!#$%&()*+,-./:;<=>?@[]^_{|}~";
    let punctuation = if rule.exclude_punctuation { "" } else { PUNCTUATION };
    let alphabet: Vec<char> = LETTERS_AND_DIGITS
        .chars()
        .chain(punctuation.chars())
        .filter(|c| !rule.exclude_characters.contains(*c))
        .collect();
    let mut random = rand::rng();
    (0..rule.length).filter_map(|_| alphabet.get(random.random_range(0..alphabet.len().max(1)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_by_the_templates_rule() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(&directory.path().join("state.db")).unwrap();
        let rule = GenerateSecret { length: 64, exclude_punctuation: true, exclude_characters: "abc".into() };
        let reference =
            SecretReference { id: "Key".into(), logical_id: Some("Key".into()), json_key: None, generate: Some(rule) };
        let value = secret(&state, &reference).unwrap();
        assert_eq!(value.len(), 64);
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric() && !"abc".contains(c)), "{value}");
        assert_eq!(secret(&state, &reference).unwrap(), value);
        let foreign = SecretReference { id: "other".into(), logical_id: None, json_key: None, generate: None };
        assert_eq!(secret(&state, &foreign), None);
    }

    #[test]
    fn the_repositorys_template_runs_locally() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(&directory.path().join("state.db")).unwrap();
        let identity = Identity::new("http://127.0.0.1:8080/_local/identity", directory.path());
        let options = Options::for_tests().parameter("IngestWindowSeconds", 0);
        let stack = template(&options, &identity, "http://127.0.0.1:9324", &state).unwrap();
        assert_eq!(
            stack.functions["IngestFunction"].environment["DEAD_LETTER_QUEUE_URL"],
            "http://127.0.0.1:9324/000000000000/IngestDeadLetterQueue"
        );
        assert_eq!(stack.functions["MqttAuthFunction"].environment["ISSUER"], identity.issuer());
        assert_eq!(stack.functions["IngestFunction"].environment["PLATE_HASH_KEY"].len(), 64);
        let payments = &stack.functions["PaymentsFunction"].environment;
        assert_eq!(payments["STRIPE_ENDPOINT"], "http://127.0.0.1:8080/_local/provider");
        assert_eq!(payments["PLATE_HASH_KEY"], stack.functions["IngestFunction"].environment["PLATE_HASH_KEY"]);
    }
}
