//! One request through the HTTP API: preflight, route, authorizer, event, function, response.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use http_body_util::BodyExt;
use parvis_sam::{Cors, HttpApi, LogicalId};

use super::{
    cors,
    event::Incoming,
    jwt::{Authorizer, Grant},
    response::{self, message},
    routes::{BadRouteKey, PathParameters, Route, RouteTable},
    site::Site,
};
use crate::lambda::{self, InvokeError};

/// API Gateway's limit of a request's body (10 MB).
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The longest that an HTTP API waits for a function.
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// What the gateway and SNS need of the Lambda host.
pub trait Invoke: Clone + Send + Sync + 'static {
    /// Invokes a function and waits for its answer.
    fn invoke(&self, function: &LogicalId, payload: Bytes) -> impl Future<Output = Result<Bytes, InvokeError>> + Send;
}

impl Invoke for lambda::Host {
    async fn invoke(&self, function: &LogicalId, payload: Bytes) -> Result<Bytes, InvokeError> {
        self.invoke(function, payload).await
    }
}

/// Everything one HTTP API needs to answer.
pub struct Gateway<I> {
    routes: RouteTable,
    authorizers: BTreeMap<String, Authorizer>,
    cors: Option<Cors>,
    functions: I,
    site: Site,
    timeout: Duration,
}

/// The template's API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BadApi {
    /// A route key is malformed.
    #[error(transparent)]
    Route(#[from] BadRouteKey),
    /// A route names an authorizer that the API does not define.
    #[error("route {route} names authorizer {authorizer}, which the API does not define")]
    Authorizer {
        /// The route's key.
        route: String,
        /// The name.
        authorizer: String,
    },
}

impl<I: Invoke> Gateway<I> {
    /// A gateway for the API of the template; paths of no route are the web application's.
    ///
    /// # Errors
    /// [`BadApi`].
    pub fn new(api: &HttpApi, functions: I, site: Site) -> Result<Self, BadApi> {
        let routes = api.routes.iter().map(Route::try_from).collect::<Result<Vec<_>, _>>()?;
        for route in &routes {
            if let Some(authorizer) = route.authorizer.as_ref().filter(|name| !api.authorizers.contains_key(*name)) {
                return Err(BadApi::Authorizer { route: route.key.to_string(), authorizer: authorizer.clone() });
            }
        }
        let client = super::client();
        let authorizers = api
            .authorizers
            .iter()
            .map(|(name, jwt)| (name.clone(), Authorizer::new(jwt.clone(), client.clone())))
            .collect();
        Ok(Self {
            routes: RouteTable::new(routes),
            authorizers,
            cors: api.cors.clone(),
            functions,
            site,
            timeout: INTEGRATION_TIMEOUT,
        })
    }

    /// Replaces the integration timeout.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Answers any request that no local page takes.
    pub async fn handle(
        State(gateway): State<Arc<Self>>,
        ConnectInfo(peer): ConnectInfo<SocketAddr>,
        request: Request,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let found = gateway.routes.find(&parts.method, parts.uri.path());
        let (mut response, id) = match found {
            // Preflights are answered by the configuration, unless the API has a route of its own for them.
            None if cors::is_preflight(&parts.method, &parts.headers) && gateway.cors.is_some() => {
                return gateway.preflight(&parts);
            }
            None if !gateway.routes.owns(parts.uri.path()) => return gateway.site.serve(parts, body).await,
            None => (message(StatusCode::NOT_FOUND, "Not Found"), uuid::Uuid::new_v4().to_string()),
            Some((route, parameters)) => {
                let id = uuid::Uuid::new_v4().to_string();
                let started = Instant::now();
                let response = gateway.integrate(&parts, body, Matched { route, parameters, peer, id: &id }).await;
                let (status, elapsed) = (response.status().as_u16(), started.elapsed());
                tracing::debug!(route = %route.key, path = parts.uri.path(), status, ?elapsed, "request served");
                (response, id)
            }
        };
        if let Some(cors) = &gateway.cors {
            cors::apply(cors, &parts.headers, response.headers_mut());
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    fn preflight(&self, parts: &Parts) -> Response {
        let headers = self.cors.as_ref().map(|cors| cors::preflight(cors, &parts.headers)).unwrap_or_default();
        (StatusCode::NO_CONTENT, headers).into_response()
    }

    async fn integrate(&self, parts: &Parts, body: Body, matched: Matched<'_>) -> Response {
        let grant = match self.authorize(parts, matched.route).await {
            Ok(grant) => grant,
            Err(response) => return response,
        };
        let body = match read(body).await {
            Ok(Some(body)) => body,
            Ok(None) => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(_) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let Matched { route, parameters, peer, id } = matched;
        let incoming = Incoming {
            parts,
            body: &body,
            route,
            parameters,
            grant: grant.as_ref(),
            peer: peer.ip(),
            request_id: id,
            at: Utc::now(),
        };
        match incoming.into_event() {
            Ok(event) => self.call(&route.function, Bytes::from(event)).await,
            Err(error) => {
                tracing::error!(%error, "the event does not serialise");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }

    async fn authorize(&self, parts: &Parts, route: &Route) -> Result<Option<Grant>, Response> {
        let Some(authorizer) = route.authorizer.as_ref().and_then(|name| self.authorizers.get(name)) else {
            return Ok(None);
        };
        match authorizer.check(parts, &route.scopes).await {
            Ok(grant) => Ok(Some(grant)),
            Err(denied) => {
                tracing::debug!(route = %route.key, %denied, "request refused");
                Err(denied.response())
            }
        }
    }

    async fn call(&self, function: &LogicalId, event: Bytes) -> Response {
        let error = match tokio::time::timeout(self.timeout, self.functions.invoke(function, event)).await {
            Ok(Ok(answer)) => match response::from_function(&answer) {
                Ok(response) => return response,
                Err(error) => {
                    tracing::error!(%function, %error, "unusable answer");
                    return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
                }
            },
            Ok(Err(error)) => error,
            Err(_) => {
                tracing::error!(%function, timeout = ?self.timeout, "the integration timed out");
                return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
            }
        };
        tracing::error!(%function, %error, "request failed");
        match error {
            InvokeError::PayloadTooLarge(_) => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            // Nothing was run: as when Lambda throttles or is out of order.
            InvokeError::Spawn { .. } | InvokeError::ShuttingDown => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            _ => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }
}

/// A route chosen for a request.
struct Matched<'a> {
    route: &'a Route,
    parameters: PathParameters,
    peer: SocketAddr,
    id: &'a str,
}

/// The whole body; `None` when it is larger than API Gateway takes. What is too much is still read, within reason,
/// because a client that is writing does not see the answer of a connection closed under it.
async fn read(mut body: Body) -> Result<Option<Bytes>, axum::Error> {
    let (mut collected, mut total) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        total += data.len();
        if total <= MAX_BODY_BYTES {
            collected.extend_from_slice(&data);
        } else if total > 4 * MAX_BODY_BYTES {
            break;
        }
    }
    Ok((total <= MAX_BODY_BYTES).then(|| collected.freeze()))
}
