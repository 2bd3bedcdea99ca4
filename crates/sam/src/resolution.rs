//! What a template is resolved with.

use std::{collections::BTreeMap, fmt};

use crate::model::{GenerateSecret, LogicalId};

/// The values of the pseudo-parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudo {
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account_id: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::URLSuffix`.
    pub url_suffix: String,
    /// `AWS::StackName`.
    pub stack_name: String,
}

impl Default for Pseudo {
    fn default() -> Self {
        Self {
            region: "eu-west-3".into(),
            account_id: "000000000000".into(),
            partition: "aws".into(),
            url_suffix: "amazonaws.com".into(),
            stack_name: "parvis".into(),
        }
    }
}

/// A `{{resolve:secretsmanager:..}}` found in a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// Name or ARN of the secret as written.
    pub id: String,
    /// The secret's logical id when it is a resource of this template.
    pub logical_id: Option<LogicalId>,
    /// Key within the secret's JSON text; none for the whole text.
    pub json_key: Option<String>,
    /// How the template says to generate the value, when it is a resource of this template.
    pub generate: Option<GenerateSecret>,
}

type SecretResolver = Box<dyn Fn(&SecretReference) -> Option<String> + Send + Sync>;

/// Everything outside the template that its values depend on.
pub struct Resolution {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) overrides: BTreeMap<String, String>,
    pub(crate) pseudo: Pseudo,
    pub(crate) queue_endpoint: String,
    pub(crate) secrets: SecretResolver,
}

impl Default for Resolution {
    /// The template's own defaults, local pseudo-parameters, AWS's queue URLs, and no secrets.
    fn default() -> Self {
        let pseudo = Pseudo::default();
        Self {
            parameters: BTreeMap::new(),
            overrides: BTreeMap::new(),
            queue_endpoint: format!("https://sqs.{}.{}", pseudo.region, pseudo.url_suffix),
            pseudo,
            secrets: Box::new(|_| None),
        }
    }
}

impl Resolution {
    /// Gives a parameter its value.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// Replaces the value of a reference (`IngestQueue`) or attribute (`IngestQueue.Arn`, `Identity.Outputs.Issuer`).
    #[must_use]
    pub fn with(mut self, reference: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.insert(reference.into(), value.into());
        self
    }

    /// Gives an output of a nested application its value.
    #[must_use]
    pub fn output(self, application: &str, output: &str, value: impl Into<String>) -> Self {
        self.with(format!("{application}.Outputs.{output}"), value)
    }

    /// Replaces the pseudo-parameters.
    #[must_use]
    pub fn pseudo(mut self, pseudo: Pseudo) -> Self {
        self.pseudo = pseudo;
        self
    }

    /// Scheme and authority of the queue service: queue URLs are `{endpoint}/{account}/{queue name}`.
    #[must_use]
    pub fn queue_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.queue_endpoint = endpoint.into().trim_end_matches('/').to_owned();
        self
    }

    /// Answers dynamic references; `None` is an error that names the property.
    #[must_use]
    pub fn secrets(mut self, resolver: impl Fn(&SecretReference) -> Option<String> + Send + Sync + 'static) -> Self {
        self.secrets = Box::new(resolver);
        self
    }
}

impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither overrides' values nor secrets belong into a log.
        f.debug_struct("Resolution")
            .field("parameters", &self.parameters.keys())
            .field("overrides", &self.overrides.keys())
            .field("pseudo", &self.pseudo)
            .field("queue_endpoint", &self.queue_endpoint)
            .finish_non_exhaustive()
    }
}
