//! As much of SNS as registers devices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::{Router, routing::post};
use parvis_inbox::devices::Devices;

/// What was asked: the action, and what it was about.
pub type Asked = Arc<Mutex<Vec<String>>>;

const APPLICATION: &str = "arn:aws:sns:eu-west-3:000000000000:app/GCM/parvis";

/// Devices of an application for Google's platform, none for Apple's; the token `bad` is refused.
pub async fn devices() -> (Devices, Asked) {
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    let answer = move |body: Bytes| async move {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        let (action, token) = (form["Action"].clone(), form.get("Token").cloned().unwrap_or_default());
        let about = form.get("EndpointArn").or(form.get("PlatformApplicationArn")).cloned().unwrap_or_default();
        kept.lock().unwrap().push(format!("{action} {}", about.rsplit(':').next().unwrap_or_default()));
        if token == "bad" {
            let code = "<Code>InvalidParameter</Code><Message>Invalid parameter: Token</Message>";
            return (StatusCode::BAD_REQUEST, format!("<ErrorResponse><Error>{code}</Error></ErrorResponse>"));
        }
        let endpoint = format!("{}/{token}", about.replace(":app/", ":endpoint/"));
        let result = format!("<{action}Result><EndpointArn>{endpoint}</EndpointArn></{action}Result>");
        (StatusCode::OK, format!("<{action}Response>{result}</{action}Response>"))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(&endpoint);
    let client = aws_sdk_sns::Client::from_conf(config.build());
    (Devices::new(client, Some(APPLICATION.to_owned()), None), asked)
}
