//! For tests: DynamoDB tables in the process, reached through the real SDK.
//!
//! What a table refuses, a condition or an expression, is thereby tested for real and without a mock of our own. The
//! tables have the keys that all tables of the template have: `pk` and `sk`.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_smithy_http_client::Builder;
use dynoxide::Database;
use tokio::net::TcpListener;

/// Starts a database in memory with tables of the given names; it ends with the test's runtime.
///
/// # Errors
/// When the database or a table cannot be made.
pub async fn start(tables: &[&str]) -> Result<Client> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let database = Database::memory()?;
    tokio::spawn(dynoxide::server::serve_on(listener, database));

    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "parvis-test-tables"))
        .http_client(Builder::new().build_http())
        .interceptor(NoEmptyKeys)
        .endpoint_url(endpoint)
        .build();
    let client = Client::from_conf(config);
    for table in tables {
        create(&client, table).await?;
    }
    Ok(client)
}

/// Refuses queries that compare a key with an empty value, as DynamoDB does and the engine does not.
#[derive(Debug)]
struct NoEmptyKeys;

impl Intercept for NoEmptyKeys {
    fn name(&self) -> &'static str {
        "NoEmptyKeys"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(query) = context.input().downcast_ref::<QueryInput>() else { return Ok(()) };
        let condition = query.key_condition_expression().unwrap_or_default();
        let mut words = condition.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '_')));
        let values = query.expression_attribute_values();
        let value = |word: &str| values?.get(word)?.as_s().ok();
        if words.any(|word| value(word).is_some_and(String::is_empty)) {
            return Err(format!("DynamoDB takes no empty value of a key: {condition}").into());
        }
        Ok(())
    }
}

async fn create(client: &Client, table: &str) -> Result<()> {
    let mut create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
        create = create.attribute_definitions(attribute.build()?).key_schema(key.build()?);
    }
    create.send().await?;
    Ok(())
}
