//! CORS as an HTTP API does it: from the configuration alone; what the function says about it is dropped.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use parvis_sam::Cors;

/// Whether the request is a preflight.
#[must_use]
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Headers of a preflight's answer (204); empty when the origin or the method is not allowed.
#[must_use]
pub fn preflight(cors: &Cors, request: &HeaderMap) -> HeaderMap {
    let asked =
        request.get(header::ACCESS_CONTROL_REQUEST_METHOD).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !cors.methods.iter().any(|method| method == "*" || method.eq_ignore_ascii_case(asked)) {
        return HeaderMap::new();
    }
    let mut headers = origin(cors, request);
    if headers.is_empty() {
        return headers;
    }
    set(&mut headers, header::ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(","));
    set(&mut headers, header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers.join(","));
    if let Some(age) = cors.max_age {
        set(&mut headers, header::ACCESS_CONTROL_MAX_AGE, &age.as_secs().to_string());
    }
    headers
}

/// Puts the configured headers on a response and removes the function's own.
pub fn apply(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    let own: Vec<HeaderName> =
        response.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in own {
        response.remove(name);
    }
    let mut headers = origin(cors, request);
    if !headers.is_empty() {
        set(&mut headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose.join(","));
    }
    // `append`, so that a `Vary` of the function stays.
    for (name, value) in &headers {
        response.append(name, value.clone());
    }
}

fn origin(cors: &Cors, request: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(origin) = request.get(header::ORIGIN) else { return headers };
    if !cors.origins.iter().any(|allowed| matches(allowed, &String::from_utf8_lossy(origin.as_bytes()))) {
        return headers;
    }
    if cors.origins.iter().any(|allowed| allowed == "*") {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    if cors.credentials {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    headers
}

/// An entry may hold one `*`, as in `https://*`.
fn matches(allowed: &str, origin: &str) -> bool {
    match allowed.split_once('*') {
        Some((start, end)) => {
            origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end)
        }
        None => allowed.eq_ignore_ascii_case(origin),
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(origin: &'static str, method: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::ORIGIN, HeaderValue::from_static(origin)),
            (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static(method)),
        ])
    }

    fn cors(origin: &str) -> Cors {
        Cors {
            origins: vec![origin.into()],
            methods: vec!["GET".into(), "PUT".into()],
            headers: vec!["authorization".into()],
            expose: vec!["etag".into()],
            max_age: Some(Duration::from_secs(3600)),
            credentials: false,
        }
    }

    #[test]
    fn a_preflight_gets_the_configuration() {
        let headers = preflight(&cors("*"), &request("https://ville.example", "PUT"));
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers["access-control-allow-methods"], "GET,PUT");
        assert_eq!(headers["access-control-allow-headers"], "authorization");
        assert_eq!(headers["access-control-max-age"], "3600");
    }

    #[test]
    fn a_foreign_origin_or_method_gets_nothing() {
        assert!(preflight(&cors("https://ville.example"), &request("https://evil.example", "GET")).is_empty());
        assert!(preflight(&cors("*"), &request("https://ville.example", "DELETE")).is_empty());
        assert!(preflight(&cors("https://*"), &request("http://ville.example", "GET")).is_empty());
        assert!(!preflight(&cors("https://*"), &request("https://ville.example", "GET")).is_empty());
    }

    #[test]
    fn the_functions_own_headers_are_replaced() {
        let mut response = HeaderMap::from_iter([
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("https://evil.example")),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ]);
        apply(&cors("https://ville.example"), &request("https://ville.example", "GET"), &mut response);
        assert_eq!(response["access-control-allow-origin"], "https://ville.example");
        assert_eq!(response["access-control-expose-headers"], "etag");
        assert_eq!(response.get_all("vary").iter().count(), 2);
    }
}
