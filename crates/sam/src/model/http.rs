//! HTTP APIs.

use std::{collections::BTreeMap, time::Duration};

use super::LogicalId;

/// An HTTP API.
#[derive(Debug, Clone)]
pub struct HttpApi {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Routes of all functions, in the order of functions and events.
    pub routes: Vec<Route>,
    /// JWT authorizers by name.
    pub authorizers: BTreeMap<String, JwtAuthorizer>,
    /// What browsers of other origins may do.
    pub cors: Option<Cors>,
}

/// One route of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The event's name within the function.
    pub id: String,
    /// The API.
    pub api: LogicalId,
    /// Upper-case method, or `ANY`.
    pub method: String,
    /// Path with `{name}` and `{name+}`, or `$default`.
    pub path: String,
    /// The function that answers.
    pub function: LogicalId,
    /// Name of the authorizer that must let the request pass.
    pub authorizer: Option<String>,
}

/// A JWT authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAuthorizer {
    /// `iss` of accepted tokens.
    pub issuer: String,
    /// `aud` or `client_id` of accepted tokens.
    pub audience: Vec<String>,
    /// Where the token stands, for example `$request.header.Authorization`.
    pub identity_source: String,
}

/// The CORS configuration of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins, or `*`.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Request headers.
    pub headers: Vec<String>,
    /// Response headers that scripts may read.
    pub expose: Vec<String>,
    /// How long a preflight's answer is kept.
    pub max_age: Option<Duration>,
    /// Whether cookies are allowed.
    pub credentials: bool,
}
