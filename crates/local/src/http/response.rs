//! What a function answers (payload format 2.0) turned into an HTTP response.

use std::collections::BTreeMap;

use axum::{body::Body, response::Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

/// The structured form, recognised by its `statusCode`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Structured {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Why an answer cannot be sent; the client sees `Internal Server Error`, the operator this.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The function returned something that is not JSON.
    #[error("the function's answer is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The structured answer is not of the documented form.
    #[error("the function's answer is malformed: {0}")]
    Http(#[from] http::Error),
    /// A body marked as base64 is not.
    #[error("the function's body is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

/// Reads a function's answer as API Gateway does: with a `statusCode` it is structured, any other JSON is the body of a
/// 200.
///
/// # Errors
/// [`Malformed`], for which API Gateway answers 500.
pub fn from_function(payload: &Bytes) -> Result<Response, Malformed> {
    let value: Value = serde_json::from_slice(payload)?;
    if value.get("statusCode").is_some() {
        return structured(serde_json::from_value(value)?);
    }
    let body = match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    Ok(Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(body))?)
}

fn structured(answer: Structured) -> Result<Response, Malformed> {
    let body = match answer.body {
        Some(body) if answer.is_base64_encoded => BASE64_STANDARD.decode(body)?,
        body => body.unwrap_or_default().into_bytes(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers.unwrap_or_default() {
        append(&mut headers, &name, &value)?;
    }
    for (name, values) in answer.multi_value_headers.unwrap_or_default() {
        // As with format 1.0, the list wins over a single value of the same name.
        headers.remove(name.as_str());
        for value in values {
            append(&mut headers, &name, &value)?;
        }
    }
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(http::Error::from)?);
    }
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    let mut response = Response::builder().status(answer.status_code).body(Body::from(body))?;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Headers that the gateway's own connection to the client determines.
const OF_THE_CONNECTION: [HeaderName; 4] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE];

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), http::Error> {
    let name = HeaderName::from_bytes(name.as_bytes())?;
    if OF_THE_CONNECTION.contains(&name) {
        return Ok(());
    }
    let value = match value {
        Value::String(text) => HeaderValue::from_str(text),
        other => HeaderValue::from_str(&other.to_string()),
    };
    headers.append(name, value?);
    Ok(())
}

/// `{"message": ...}` as the gateway itself answers.
#[must_use]
pub fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(serde_json::json!({ "message": text }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn read(answer: Value) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = from_function(&Bytes::from(answer.to_string())).unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn structured_answers_keep_status_headers_cookies_and_binary_bodies() {
        let (status, headers, body) = read(json!({
            "statusCode": 201,
            "headers": { "Location": "/v1/places/x", "X-Count": 3, "content-length": "999" },
            "multiValueHeaders": { "Link": ["<a>; rel=next", "<b>; rel=prev"] },
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "AAH/",
            "isBase64Encoded": true,
        }))
        .await;
        assert_eq!((status, body), (StatusCode::CREATED, vec![0, 1, 255]));
        assert_eq!(headers["location"], "/v1/places/x");
        assert_eq!(headers["x-count"], "3");
        assert_eq!(headers.get_all("link").iter().count(), 2);
        assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1; Path=/", "b=2"]);
        assert!(!headers.contains_key("content-length"));
    }

    #[tokio::test]
    async fn plain_json_is_the_body_of_a_200() {
        let (status, headers, body) = read(json!({ "hello": "world" })).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, br#"{"hello":"world"}"#.as_slice()));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(read(json!("Hello from Lambda!")).await.2, b"Hello from Lambda!");
    }

    #[test]
    fn malformed_answers_are_refused() {
        for answer in [r#"{"statusCode":"x"}"#, r#"{"statusCode":42}"#, r#"{"statusCode":200,"body":{}}"#, "nonsense"] {
            assert!(from_function(&Bytes::from_static(answer.as_bytes())).is_err(), "{answer}");
        }
        let bad = r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#;
        assert!(matches!(from_function(&Bytes::from_static(bad.as_bytes())), Err(Malformed::Base64(_))));
    }
}
