//! HTTP APIs and their routes.

use std::time::Duration;

use super::Result;
use crate::{
    error::{Location, Problem},
    model::{Cors, Event, Function, HttpApi, JwtAuthorizer, LogicalId, Stack},
    raw,
    scope::Scope,
};

/// Where a JWT authorizer looks for the token unless told otherwise.
const DEFAULT_IDENTITY_SOURCE: &str = "$request.header.Authorization";

pub fn api(scope: &Scope<'_>, logical_id: LogicalId) -> Result<HttpApi> {
    let raw: raw::HttpApi = scope.properties(&logical_id, raw::HTTP_API_IGNORED)?;
    let authorizers = raw.auth.map(|auth| auth.authorizers).unwrap_or_default();
    let authorizers = authorizers.into_iter().map(|(name, raw)| {
        let authorizer = JwtAuthorizer {
            issuer: raw.jwt_configuration.issuer,
            audience: raw.jwt_configuration.audience,
            identity_source: raw.identity_source.unwrap_or_else(|| DEFAULT_IDENTITY_SOURCE.to_owned()),
        };
        (name, authorizer)
    });
    Ok(HttpApi {
        authorizers: authorizers.collect(),
        routes: Vec::new(),
        cors: raw.cors_configuration.map(cors),
        logical_id,
    })
}

fn cors(raw: raw::Cors) -> Cors {
    Cors {
        origins: raw.allow_origins,
        methods: raw.allow_methods,
        headers: raw.allow_headers,
        expose: raw.expose_headers,
        max_age: raw.max_age.map(|seconds| Duration::from_secs(seconds.0.into())),
        credentials: raw.allow_credentials.0,
    }
}

/// Adds a function's routes to their API and checks that the authorizers they name exist.
pub fn attach(stack: &mut Stack, function: &Function) -> Result<()> {
    for event in &function.events {
        let Event::Http(route) = event else { continue };
        let at = Location::of(&function.logical_id).join("Events").join(&route.id);
        let missing = |name: &str| at.error(Problem::NotInTemplate(name.to_owned()));
        let api = stack.http_apis.get_mut(&route.api).ok_or_else(|| missing(route.api.as_str()))?;
        if let Some(name) = route.authorizer.as_deref().filter(|name| !api.authorizers.contains_key(*name)) {
            return Err(at.join("Auth.Authorizer").error(Problem::NotInTemplate(name.to_owned())));
        }
        if api.routes.iter().any(|other| (&other.method, &other.path) == (&route.method, &route.path)) {
            return Err(at.invalid(format!("{} {} is routed twice", route.method, route.path)));
        }
        api.routes.push(route.clone());
    }
    Ok(())
}

/// The authorizer of routes that name none.
pub fn default_authorizer(scope: &Scope<'_>, api: &LogicalId) -> Result<Option<String>> {
    let raw: raw::HttpApi = scope.properties(api, raw::HTTP_API_IGNORED)?;
    Ok(raw.auth.and_then(|auth| auth.default_authorizer))
}
