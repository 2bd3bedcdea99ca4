//! HTTP functions: an axum router behind the HTTP API, with what every route gets.

mod asset;
mod conditional;
mod extract;
mod stream;
mod tasks;

use std::convert::Infallible;

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{Method, StatusCode, Uri, uri::PathAndQuery},
    middleware::{Next, from_fn},
    response::Response,
};
use lambda_http::{RequestExt, request::RequestContext};
use tower::{Service, ServiceBuilder};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _, SizeAbove};

pub use self::{
    asset::Asset,
    conditional::{Expected, expected_version, version_etag},
    extract::{Json, Path, Query},
    stream::run_http_stream_and_tasks,
    tasks::run_http_and_tasks,
};
use crate::{
    problem::{Cause, Problem},
    telemetry::chain,
};

/// Runs `router` on the HTTP API (payload format 2.0) until the service ends the sandbox.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run_http(router: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(service(router)).await
}

/// Bytes of a body below which packing costs more time than it saves on the way: one packet holds it as it is.
const WORTH_PACKING: u16 = 1_024;

/// The router as `run_http` serves it: without the stage in the path, and with the layers of [`complete`].
pub fn service(
    router: Router,
) -> impl Service<lambda_http::Request, Response = Response, Error = Infallible, Future: Send> + Clone {
    ServiceBuilder::new().map_request(without_stage).service(complete(router))
}

/// Adds what every API has: refusals of unknown routes as problems, conditional requests, gzip, and the log of failures.
pub fn complete(router: Router) -> Router {
    router
        .fallback(|| async { Problem::not_found("resource") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The resource does not take this method")
        })
        .layer(from_fn(conditional::conditional))
        .layer(
            CompressionLayer::new()
                .gzip(true)
                .compress_when(DefaultPredicate::new().and(SizeAbove::new(WORTH_PACKING))),
        )
        .layer(from_fn(log_failure))
}

/// Takes the stage's name off the path: API Gateway puts it there for every stage but `$default`.
fn without_stage(mut request: lambda_http::Request) -> lambda_http::Request {
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.clone(),
        _ => None,
    };
    if let Some(stage) = stage.filter(|stage| stage != "$default")
        && let Some(uri) = strip_prefix(request.uri(), &stage)
    {
        *request.uri_mut() = uri;
    }
    request
}

fn strip_prefix(uri: &Uri, stage: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix('/')?.strip_prefix(stage)?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let path_and_query = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

/// Logs the cause of a failed request, once, where it leaves the function.
async fn log_failure(request: Request, next: Next) -> Response {
    let method: Method = request.method().clone();
    // The route, not the path: paths may hold what must not be in a log.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let mut response = next.run(request).await;
    if let Some(Cause(error)) = response.extensions_mut().remove::<Cause>() {
        let error = chain(error.as_ref());
        tracing::error!(%method, route, status = response.status().as_u16(), %error, "request failed");
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::header, routing::get};
    use tower::ServiceExt;

    use super::*;

    fn event(stage: &str, path: &str) -> lambda_http::Request {
        let event = serde_json::json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "limit=5",
            "headers": { "accept-encoding": "gzip", "host": "api.example" },
            "requestContext": { "stage": stage, "http": { "method": "GET", "path": path } },
            "isBase64Encoded": false,
        });
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    fn router() -> Router {
        Router::new()
            .route("/v1/places", get(|uri: Uri| async move { format!("{}?{}", uri.path(), uri.query().unwrap_or("")) }))
            .route("/broken", get(|| async { Problem::internal("the disk is full") }))
    }

    #[tokio::test]
    async fn the_stage_is_not_part_of_the_route() {
        for (stage, path) in [("$default", "/v1/places"), ("prod", "/prod/v1/places")] {
            let response = service(router()).oneshot(event(stage, path)).await.unwrap();
            assert_eq!(text(response).await, "/v1/places?limit=5", "{stage}");
        }
    }

    #[tokio::test]
    async fn a_path_that_only_starts_like_the_stage_stays() {
        let uri = Uri::from_static("https://api.example/production/x");
        assert_eq!(strip_prefix(&uri, "prod"), None);
    }

    #[tokio::test]
    async fn unknown_routes_and_failures_are_problems() {
        let missing = service(router()).oneshot(event("$default", "/nowhere")).await.unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert_eq!(missing.headers()[header::CONTENT_TYPE], "application/problem+json");

        let broken = service(router()).oneshot(event("$default", "/broken")).await.unwrap();
        assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(broken.extensions().get::<Cause>().is_none(), "the cause has been logged and is gone");
    }

    #[tokio::test]
    async fn long_answers_are_compressed() {
        let router = Router::new().route("/", get(|| async { "parking ".repeat(1000) }));
        let response = service(router).oneshot(event("$default", "/")).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(to_bytes(response.into_body(), usize::MAX).await.unwrap().len() < 500);
    }
}
