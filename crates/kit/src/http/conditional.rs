//! Conditional requests (RFC 9110, section 13): entity tags of answers, and versions as entity tags of resources.

use axum::{
    body::{Body, HttpBody, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Answers larger than this carry no tag of their content. Lambda's limit is 6 MB; what is that large is an export, and
/// nobody polls exports.
const LARGEST_TAGGED: u64 = 2 << 20;

/// Gives successful reads an entity tag, unless the handler has set one, and answers 304 when the client has it already.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    if !response.headers().contains_key(header::ETAG) {
        response = match tagged(response).await {
            Ok(response) => response,
            Err(problem) => return problem.into_response(),
        };
    }
    let tag = response.headers().get(header::ETAG);
    match (known, tag) {
        (Some(known), Some(tag)) if matches_any(&known, tag) => not_modified(&response),
        _ => response,
    }
}

/// Adds the tag of the body. It is weak, since the same tag goes with the compressed and the plain form.
async fn tagged(response: Response) -> Result<Response, Problem> {
    // Bodies of unknown length are streamed; reading them here would defeat that.
    if response.body().size_hint().exact().is_none_or(|length| length > LARGEST_TAGGED) {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
    let digest = Sha256::digest(&bytes);
    let tag: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        parts.headers.insert(header::ETAG, tag);
    }
    // Clients may keep the answer but must ask whether it is still good.
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn not_modified(response: &Response) -> Response {
    let mut answer = StatusCode::NOT_MODIFIED.into_response();
    for name in [header::ETAG, header::CACHE_CONTROL, header::VARY, header::LAST_MODIFIED] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// The weak comparison of `If-None-Match`.
fn matches_any(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|candidate| opaque(candidate) == opaque(tag))
}

/// The entity tag of a resource's version.
#[must_use]
pub fn version_etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What the client says of the thing that it is about to change (RFC 9110, sections 13.1.1 and 13.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Unsaid,
    /// That it exists, in whatever version (`If-Match: *`).
    Any,
    /// That it is in one of these versions (`If-Match: "3"`). Tags that [`version_etag`] does not give, weak ones among
    /// them, are of no version.
    Versions(Vec<u64>),
    /// That it does not exist (`If-None-Match: *`).
    Absent,
}

impl Expected {
    /// Whether the client says anything.
    #[must_use]
    pub fn is_said(&self) -> bool {
        *self != Self::Unsaid
    }

    /// Whether a thing in the version `stored`, or one that does not exist, is as the client says.
    #[must_use]
    pub fn admits(&self, stored: Option<u64>) -> bool {
        match self {
            Self::Unsaid => true,
            Self::Any => stored.is_some(),
            Self::Versions(versions) => stored.is_some_and(|stored| versions.contains(&stored)),
            Self::Absent => stored.is_none(),
        }
    }
}

/// What the client expects the thing to be that it changes, by `If-Match`, or else by `If-None-Match`.
#[must_use]
pub fn expected_version(headers: &HeaderMap) -> Expected {
    // What is no text is no tag of ours, but it is still a condition.
    let tags = |name| -> Vec<&str> {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        values.flat_map(|value| value.split(',')).map(str::trim).collect()
    };
    let seen = tags(header::IF_MATCH);
    if !seen.is_empty() {
        let any = seen.contains(&"*");
        return if any { Expected::Any } else { Expected::Versions(seen.into_iter().filter_map(version).collect()) };
    }
    if tags(header::IF_NONE_MATCH) == ["*"] { Expected::Absent } else { Expected::Unsaid }
}

/// The version that a strong tag names.
fn version(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // A sign is no part of a tag of ours, though numbers are read with one.
    if digits.starts_with('+') { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn, routing::get};
    use tower::ServiceExt;

    use super::*;

    fn router() -> Router {
        Router::new()
            .route("/", get(|| async { "hello" }).post(|| async { "made" }))
            .route("/own", get(|| async { ([(header::ETAG, version_etag(3))], "v3") }))
            .layer(from_fn(conditional))
    }

    async fn call(path: &str, known: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_second_read_is_not_modified() {
        let first = call("/", None).await;
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(first.status(), StatusCode::OK);
        let second = call("/", Some(&format!("\"other\", {tag}"))).await;
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[header::ETAG], tag.as_str());
        assert!(to_bytes(second.into_body(), 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn another_tag_gets_the_answer() {
        assert_eq!(call("/", Some("W/\"0\"")).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn the_handlers_own_tag_is_kept() {
        assert_eq!(call("/own", None).await.headers()[header::ETAG], "\"3\"");
        assert_eq!(call("/own", Some("\"3\"")).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn writes_carry_no_tag() {
        let response = router().oneshot(Request::post("/").body(Body::empty()).unwrap()).await.unwrap();
        assert!(!response.headers().contains_key(header::ETAG));
    }

    fn expected(name: header::HeaderName, values: &[&'static str]) -> Expected {
        expected_version(&values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn versions_travel_as_tags() {
        assert_eq!(expected_version(&HeaderMap::new()), Expected::Unsaid);
        let headers = HeaderMap::from_iter([(header::IF_MATCH, version_etag(12))]);
        assert_eq!(expected_version(&headers), Expected::Versions(vec![12]));
        let cases: [(&[&'static str], &[u64]); 7] = [
            (&["\"1\", \"2\""], &[1, 2]),
            (&["\"1\"", "\"2\""], &[1, 2]),
            (&["W/\"3\""], &[]),
            (&["3"], &[]),
            (&["\"+3\""], &[]),
            (&["\"abc\", \"4\""], &[4]),
            (&[""], &[]),
        ];
        for (values, versions) in cases {
            assert_eq!(expected(header::IF_MATCH, values), Expected::Versions(versions.to_vec()), "{values:?}");
        }
        assert_eq!(expected(header::IF_MATCH, &["*"]), Expected::Any);
        assert_eq!(expected(header::IF_NONE_MATCH, &["*"]), Expected::Absent);
        assert_eq!(expected(header::IF_NONE_MATCH, &["\"3\""]), Expected::Unsaid);
    }

    #[test]
    fn conditions_hold_for_what_they_say() {
        for (condition, absent, first, third) in [
            (Expected::Unsaid, true, true, true),
            (Expected::Any, false, true, true),
            (Expected::Versions(vec![3, 4]), false, false, true),
            (Expected::Versions(vec![]), false, false, false),
            (Expected::Absent, true, false, false),
        ] {
            let admitted = [None, Some(1), Some(3)].map(|stored| condition.admits(stored));
            assert_eq!(admitted, [absent, first, third], "{condition:?}");
        }
    }
}
