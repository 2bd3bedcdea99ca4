//! The event that API Gateway hands to a function: payload format 2.0.

use std::{collections::BTreeMap, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, header, request::Parts};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    jwt::Grant,
    routes::{PathParameters, Route, decode},
};

/// The account that local ARNs carry.
const ACCOUNT: &str = "000000000000";

/// What the gateway knows about one request when it calls the function.
pub struct Incoming<'a> {
    /// Method, URI, version and headers as received.
    pub parts: &'a Parts,
    /// The whole body.
    pub body: &'a Bytes,
    /// The route chosen.
    pub route: &'a Route,
    /// Its path variables.
    pub parameters: PathParameters,
    /// What the authorizer found, on a protected route.
    pub grant: Option<&'a Grant>,
    /// The client's address.
    pub peer: IpAddr,
    /// Id of the request, also sent back as `apigw-requestid`.
    pub request_id: &'a str,
    /// When the request came.
    pub at: DateTime<Utc>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: String,
    raw_path: String,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<PathParameters>,
    is_base64_encoded: bool,
}

impl Incoming<'_> {
    /// The event's JSON.
    ///
    /// # Errors
    /// Never in practice: every part serialises.
    pub fn into_event(self) -> serde_json::Result<Vec<u8>> {
        let (body, is_base64_encoded) =
            body(self.parts.headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes()), self.body);
        serde_json::to_vec(&Event {
            version: "2.0",
            route_key: self.route.key.to_string(),
            raw_path: decode(self.parts.uri.path()),
            raw_query_string: self.parts.uri.query().unwrap_or_default(),
            cookies: cookies(&self.parts.headers),
            headers: self.headers(),
            query_string_parameters: query(self.parts.uri.query()),
            request_context: self.context(),
            body,
            path_parameters: (!self.parameters.is_empty()).then_some(self.parameters),
            is_base64_encoded,
        })
    }

    /// Lower-cased names, repeated headers joined by commas; cookies have their own field. What the gateway itself adds
    /// is added.
    fn headers(&self) -> BTreeMap<String, String> {
        let mut headers = joined(&self.parts.headers, |name| *name == header::COOKIE);
        let peer = self.peer.to_string();
        headers.entry("x-forwarded-for".into()).and_modify(|chain| *chain = format!("{chain}, {peer}")).or_insert(peer);
        headers.entry("x-forwarded-proto".into()).or_insert_with(|| "http".into());
        let port = self.host().and_then(|host| host.rsplit_once(':')).map_or("80", |(_, port)| port).to_owned();
        headers.entry("x-forwarded-port".into()).or_insert(port);
        headers.entry("x-amzn-trace-id".into()).or_insert_with(|| trace_id(self.at));
        headers
    }

    fn host(&self) -> Option<&str> {
        self.parts.headers.get(header::HOST).and_then(|value| value.to_str().ok())
    }

    fn context(&self) -> Value {
        let domain = self.host().unwrap_or("localhost");
        let mut context = json!({
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(['.', ':']).next(),
            "http": {
                "method": self.parts.method.as_str(),
                "path": decode(self.parts.uri.path()),
                "protocol": format!("{:?}", self.parts.version),
                "sourceIp": self.peer,
                "userAgent": self.parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default(),
            },
            "requestId": self.request_id,
            "routeKey": self.route.key.to_string(),
            "stage": "$default",
            "time": self.at.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": self.at.timestamp_millis(),
        });
        if let Some(grant) = self.grant {
            context["authorizer"] = json!({ "jwt": { "claims": grant.claims, "scopes": grant.scopes } });
        }
        context
    }
}

/// An X-Ray trace header, so that the function's log lines carry one as on AWS.
fn trace_id(at: DateTime<Utc>) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{}", at.timestamp(), &random[..24])
}

fn joined(headers: &HeaderMap, skip: impl Fn(&header::HeaderName) -> bool) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| !skip(name)) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Option<Vec<String>> {
    let cookies: Vec<String> = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect();
    (!cookies.is_empty()).then_some(cookies)
}

/// Decoded query parameters, repeated ones joined by commas.
fn query(raw: Option<&str>) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(raw?.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    (!parameters.is_empty()).then_some(parameters)
}

/// Text goes through as it is, everything else in base64. The list is what the service was measured to treat as text
/// (AWS documents none): a missing content type and `application/x-www-form-urlencoded` are binary, as is every `+json`
/// type.
fn body(content_type: Option<&[u8]>, body: &Bytes) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let media_type = String::from_utf8_lossy(content_type.unwrap_or_default())
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let text = media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/json" | "application/xml" | "application/javascript");
    match std::str::from_utf8(body) {
        Ok(body) if text => (Some(body.to_owned()), false),
        _ => (Some(BASE64_STANDARD.encode(body)), true),
    }
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use http::Request;

    use super::*;

    fn event(request: Request<&'static str>, grant: Option<&Grant>) -> Value {
        let (parts, body) = request.into_parts();
        let route = Route {
            key: "POST /v1/places/{proxy+}".parse().unwrap(),
            function: "F".into(),
            authorizer: None,
            scopes: vec![],
        };
        let bytes = Incoming {
            parts: &parts,
            body: &Bytes::from_static(body.as_bytes()),
            route: &route,
            parameters: PathParameters::from([("proxy".into(), "été/spaces".into())]),
            grant,
            peer: [127, 0, 0, 1].into(),
            request_id: "r-1",
            at: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
        }
        .into_event()
        .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn request() -> http::request::Builder {
        Request::post("/v1/places/%C3%A9t%C3%A9/spaces?a=1&b=x%20y&a=2")
            .header("Host", "localhost:8080")
            .header("X-Amzn-Trace-Id", "t")
    }

    #[test]
    fn the_whole_shape() {
        let grant =
            Grant { claims: BTreeMap::from([("cognito:groups".into(), "[admin manager]".into())]), scopes: None };
        let request = request()
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Accept", "a")
            .header("accept", "b")
            .header("Cookie", "one=1; two=2")
            .header("User-Agent", "test")
            .body("{}")
            .unwrap();
        insta::assert_json_snapshot!(event(request, Some(&grant)), @r#"
        {
          "body": "{}",
          "cookies": [
            "one=1",
            "two=2"
          ],
          "headers": {
            "accept": "a,b",
            "content-type": "application/json; charset=utf-8",
            "host": "localhost:8080",
            "user-agent": "test",
            "x-amzn-trace-id": "t",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "8080",
            "x-forwarded-proto": "http"
          },
          "isBase64Encoded": false,
          "pathParameters": {
            "proxy": "été/spaces"
          },
          "queryStringParameters": {
            "a": "1,2",
            "b": "x y"
          },
          "rawPath": "/v1/places/été/spaces",
          "rawQueryString": "a=1&b=x%20y&a=2",
          "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {
              "jwt": {
                "claims": {
                  "cognito:groups": "[admin manager]"
                },
                "scopes": null
              }
            },
            "domainName": "localhost:8080",
            "domainPrefix": "localhost",
            "http": {
              "method": "POST",
              "path": "/v1/places/été/spaces",
              "protocol": "HTTP/1.1",
              "sourceIp": "127.0.0.1",
              "userAgent": "test"
            },
            "requestId": "r-1",
            "routeKey": "POST /v1/places/{proxy+}",
            "stage": "$default",
            "time": "14/Nov/2023:22:13:20 +0000",
            "timeEpoch": 1700000000123
          },
          "routeKey": "POST /v1/places/{proxy+}",
          "version": "2.0"
        }
        "#);
    }

    #[test]
    fn the_functions_own_type_reads_it() {
        let grant = Grant { claims: BTreeMap::from([("sub".into(), "u".into())]), scopes: Some(vec!["openid".into()]) };
        let event = event(request().header("content-type", "text/csv").body("a;b").unwrap(), Some(&grant));
        let read: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
        assert_eq!(read.body.as_deref(), Some("a;b"));
        assert_eq!(read.request_context.authorizer.unwrap().jwt.unwrap().claims["sub"], "u");
        assert_eq!(read.path_parameters["proxy"], "été/spaces");
    }

    #[test]
    fn bodies_that_are_not_text_travel_in_base64() {
        for content_type in [
            "application/octet-stream",
            "application/x-www-form-urlencoded",
            "application/geo+json",
            "multipart/form-data; boundary=x",
        ] {
            let event = event(request().header("content-type", content_type).body("a=1").unwrap(), None);
            assert_eq!(
                (event["isBase64Encoded"].as_bool(), event["body"].as_str()),
                (Some(true), Some("YT0x")),
                "{content_type}"
            );
        }
        let event = event(request().body("").unwrap(), None);
        assert!(
            event.get("body").is_none()
                && event["isBase64Encoded"] == false
                && event["requestContext"].get("authorizer").is_none()
        );
    }

    #[test]
    fn text_that_is_not_utf_8_travels_in_base64() {
        assert_eq!(body(Some(b"text/plain"), &Bytes::from_static(&[0xff])), (Some("/w==".into()), true));
    }
}
