//! The environment of a sandbox: Lambda's own variables, the template's, and what leads to the local services.

use std::{collections::BTreeMap, net::SocketAddr};

use parvis_sam::Function;

/// Credentials of the local services, which check none. Not a secret.
pub const ACCESS_KEY: &str = "parvis";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "parvis-local";

/// Of the host's own environment, what a sandbox keeps: nothing of the developer's AWS configuration may leak into it.
const INHERITED: [&str; 8] =
    ["PATH", "HOME", "TMPDIR", "LANG", "RUST_BACKTRACE", "RUST_LOG_FORMAT", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables that Lambda sets for every function.
fn of_lambda(function: &Function, runtime_api: SocketAddr, sandbox: &str, region: &str) -> [(String, String); 16] {
    [
        // With the scheme, which AWS leaves out: `http::Uri` reads a path only behind one, and the Rust runtime accepts both.
        ("AWS_LAMBDA_RUNTIME_API", format!("http://{runtime_api}/{sandbox}")),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{sandbox}")),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// The whole environment of one sandbox; `services` stands above the template, because only the host knows where its ports are.
pub(super) fn of_sandbox(
    function: &Function,
    services: &BTreeMap<String, String>,
    runtime_api: SocketAddr,
    sandbox: &str,
    region: &str,
) -> BTreeMap<String, String> {
    let inherited = INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let mut environment: BTreeMap<_, _> = inherited.collect();
    environment.extend(function.environment.clone());
    environment.extend(services.clone());
    environment.extend(of_lambda(function, runtime_api, sandbox, region));
    environment
}
