//! The configuration of the AWS SDK.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// Longest wait for one attempt of one call. DynamoDB answers in milliseconds; a connection that died while the sandbox
/// was frozen must not eat the invocation.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Longest wait for one call with all its attempts.
const CALL: Duration = Duration::from_secs(12);

/// Loads the configuration from the environment: region, credentials, `AWS_ENDPOINT_URL_*`. Clients made from it share
/// one HTTPS client on rustls and ring.
pub async fn config() -> SdkConfig {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(https).timeout_config(timeouts).load().await
}
