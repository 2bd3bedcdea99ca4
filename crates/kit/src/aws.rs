//! The configuration of the AWS SDK.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use crate::{env, lambda::BoxError};

/// The authorities that sign the certificates of every AWS endpoint, as <https://www.amazontrust.com/repository/> lists
/// them. Only these are trusted: reading the hundreds of a system's store was most of a cold start.
const AMAZON_TRUST_SERVICES: &str = include_str!("amazon-trust-services.pem");

/// Longest wait for one attempt of one call. DynamoDB answers in milliseconds; a connection that died while the sandbox
/// was frozen must not eat the invocation.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Longest wait for one call with all its attempts.
const CALL: Duration = Duration::from_secs(12);

/// Loads the configuration from the environment: region, credentials, `AWS_ENDPOINT_URL_*`. Clients made from it share
/// one HTTPS client on rustls and ring, which trusts the authorities of AWS, or those in the file that `AWS_CA_BUNDLE`
/// names.
///
/// # Errors
/// When the file cannot be read or holds no certificates.
pub async fn config() -> Result<SdkConfig, BoxError> {
    let roots = match env::optional("AWS_CA_BUNDLE") {
        Some(path) => std::fs::read(&path).map_err(|error| format!("AWS_CA_BUNDLE {path}: {error}"))?,
        None => AMAZON_TRUST_SERVICES.as_bytes().to_vec(),
    };
    let trust = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(roots)).build()?;
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    Ok(aws_config::defaults(BehaviorVersion::latest()).http_client(https).timeout_config(timeouts).load().await)
}

#[cfg(test)]
mod tests {
    use rustls::{
        RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    };

    use super::*;

    #[test]
    fn the_authorities_of_aws_are_certificates() {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(AMAZON_TRUST_SERVICES.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        assert_eq!(roots.len(), 5);
    }
}
