//! Who calls: the claims that the API's JWT authorizer has verified.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    net::{IpAddr, Ipv6Addr},
};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{Extensions, request::Parts},
};
use lambda_http::request::RequestContext;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A role, as the groups of the identity provider name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the deployment.
    Admin,
    /// Manages places, tariffs and people.
    Manager,
    /// Enforces and helps on the ground.
    Agent,
    /// Parks.
    Driver,
}

impl Role {
    /// The role of a group's name; other groups are none of ours.
    #[must_use]
    pub fn from_group(group: &str) -> Option<Self> {
        match group {
            "admin" => Some(Self::Admin),
            "manager" => Some(Self::Manager),
            "agent" => Some(Self::Agent),
            "driver" => Some(Self::Driver),
            _ => None,
        }
    }
}

/// The caller of a request that passed the authorizer.
///
/// As an axum extractor it answers 401 when there is none; `Option<Caller>` takes both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's identity at the issuer (`sub`); stable, and no name or address.
    pub subject: String,
    /// The caller's roles.
    pub roles: BTreeSet<Role>,
}

impl Caller {
    /// The caller with the verified claims `claim(name)`.
    fn from_claims<'a>(claim: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let subject = claim("sub").filter(|subject| !subject.is_empty())?.to_owned();
        let roles = claim("cognito:groups").map(roles).unwrap_or_default();
        Some(Self { subject, roles })
    }

    fn from_extensions(extensions: &Extensions) -> Option<Self> {
        let claims = claims(extensions)?;
        Self::from_claims(|name| claims.get(name).map(String::as_str))
    }

    /// Whether the caller has one of `roles`.
    #[must_use]
    pub fn is(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }

    /// Goes on only with one of `roles`.
    ///
    /// # Errors
    /// 403 otherwise.
    pub fn require(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.is(roles) { Ok(()) } else { Err(Problem::forbidden()) }
    }
}

/// The roles in the groups claim. API Gateway hands lists on as text, `[admin manager]`; emulators and other issuers write
/// `["admin","manager"]` or `admin,manager`.
#[must_use]
pub fn roles(groups: &str) -> BTreeSet<Role> {
    groups
        .split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | ',' | '"'))
        .filter_map(Role::from_group)
        .collect()
}

/// A machine that logged in as itself (client credentials): its token's subject is the client.
///
/// As an axum extractor it answers 401 when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The client's id.
    pub client: String,
    /// The token's scopes.
    pub scopes: BTreeSet<String>,
}

impl Machine {
    fn from_claims<'a>(claim: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let client = claim("client_id").filter(|client| claim("sub") == Some(*client) && !client.is_empty())?;
        let scopes = claim("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        Some(Self { client: client.to_owned(), scopes })
    }

    /// Goes on only with this scope.
    ///
    /// # Errors
    /// 403 otherwise.
    pub fn require(&self, scope: &str) -> Result<(), Problem> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Problem::forbidden()) }
    }
}

/// The claims that the API's JWT authorizer has verified.
fn claims(extensions: &Extensions) -> Option<&HashMap<String, String>> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else { return None };
    Some(&context.authorizer.as_ref()?.jwt.as_ref()?.claims)
}

/// The network that a request comes from, as API Gateway saw it: an IPv4 address, or the /64 of an IPv6 address, which one household has as a
/// whole. Empty when nothing is told. As an axum extractor it refuses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network(pub String);

impl Network {
    fn of(source_ip: &str) -> Self {
        match source_ip.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self(format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            Ok(IpAddr::V4(address)) => Self(address.to_string()),
            Err(_) => Self::default(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Network {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let Some(RequestContext::ApiGatewayV2(context)) = parts.extensions.get::<RequestContext>() else {
            return Ok(Self::default());
        };
        Ok(context.http.source_ip.as_deref().map(Self::of).unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Machine {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let machine =
            claims(&parts.extensions).and_then(|claims| Self::from_claims(|name| claims.get(name).map(String::as_str)));
        machine.ok_or_else(Problem::unauthorized)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::from_extensions(&parts.extensions).ok_or_else(Problem::unauthorized)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::from_extensions(&parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(claims: serde_json::Value) -> Option<Caller> {
        let context = serde_json::json!({
            "stage": "$default",
            "http": { "method": "GET", "path": "/" },
            "authorizer": { "jwt": { "claims": claims, "scopes": [] } },
        });
        let mut extensions = Extensions::new();
        extensions.insert(RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap()));
        Caller::from_extensions(&extensions)
    }

    #[test]
    fn groups_are_read_in_every_form_they_come_in() {
        for groups in ["[admin manager]", r#"["admin","manager"]"#, "admin,manager", "[manager, staff, admin]"] {
            assert_eq!(roles(groups), BTreeSet::from([Role::Admin, Role::Manager]), "{groups}");
        }
        assert!(roles("[]").is_empty());
        assert!(roles("[administrators]").is_empty());
    }

    #[test]
    fn a_caller_without_the_role_is_refused() {
        let agent = caller(serde_json::json!({ "sub": "42", "cognito:groups": "[agent]" })).unwrap();
        assert_eq!(agent.subject, "42");
        assert!(agent.require(&[Role::Admin, Role::Manager]).is_err());
        assert!(agent.require(&[Role::Agent]).is_ok());
    }

    #[test]
    fn without_a_subject_there_is_no_caller() {
        assert_eq!(caller(serde_json::json!({ "cognito:groups": "[admin]" })), None);
        assert_eq!(Caller::from_extensions(&Extensions::new()), None);
    }
}
