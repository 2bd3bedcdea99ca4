//! The JWT authorizer of an HTTP API: signature by the issuer's published keys, then issuer, audience, times and
//! scopes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode, header, request::Parts};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use parvis_kit::jwks::{Freshness, IssuerKeys, JwksError};
use parvis_sam::JwtAuthorizer;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::response;

/// API Gateway keeps an issuer's keys for two hours.
const FRESHNESS: Freshness = Freshness { lives: Duration::from_hours(2), ask_again_after: Duration::from_secs(5) };
/// Tokens remembered at most.
const REMEMBERED: usize = 1_024;

/// What a valid token hands to the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Every claim as text, in the form API Gateway was measured to use: arrays as `[a b]`, numbers and booleans as
    /// written.
    pub claims: BTreeMap<String, String>,
    /// The token's scopes; `None` on a route that asks for none.
    pub scopes: Option<Vec<String>>,
}

/// Why a request does not pass.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No token where the authorizer looks for one.
    #[error("no token")]
    Missing,
    /// A token that is not valid, with the reason told to the client.
    #[error("{0}")]
    Invalid(&'static str),
    /// None of the scopes that the route asks for.
    #[error("insufficient scope")]
    Scope(Vec<String>),
    /// The issuer cannot be asked for its keys.
    #[error("the token's key is not known: {0}")]
    Issuer(#[source] JwksError),
}

impl Denied {
    /// The answer of API Gateway: 401, or 403 for a scope, with the challenge of RFC 6750.
    #[must_use]
    pub fn response(&self) -> axum::response::Response {
        let (status, text, challenge) = match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, "Unauthorized", "Bearer".to_owned()),
            Self::Invalid(reason) => (
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                format!(r#"Bearer error="invalid_token" error_description="{reason}""#),
            ),
            Self::Scope(scopes) => (
                StatusCode::FORBIDDEN,
                "Forbidden",
                format!(r#"Bearer scope="{}" error="insufficient_scope""#, scopes.join(" ")),
            ),
            Self::Issuer(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error", String::new()),
        };
        let mut response = response::message(status, text);
        if let (false, Ok(challenge)) = (challenge.is_empty(), HeaderValue::from_str(&challenge)) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// One authorizer with its cache of keys.
pub struct Authorizer {
    definition: JwtAuthorizer,
    keys: IssuerKeys,
    /// What valid tokens say, by their digests: a signature is a good part of what a request costs.
    known: Mutex<HashMap<[u8; 32], Map<String, Value>>>,
}

impl Authorizer {
    /// An authorizer as the template defines it; keys are read when the first token comes.
    #[must_use]
    pub fn new(definition: JwtAuthorizer, client: reqwest::Client) -> Self {
        let keys = IssuerKeys::new(&definition.issuer, client, FRESHNESS);
        Self { definition, keys, known: Mutex::default() }
    }

    /// Checks the request's token. `scopes` are the route's; one of them is enough.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn check(&self, request: &Parts, scopes: &[String]) -> Result<Grant, Denied> {
        let token = self.token(request).ok_or(Denied::Missing)?;
        let claims = self.verified(&token).await?;
        if !self.audience_accepted(&claims) {
            return Err(Denied::Invalid("the audience is not accepted"));
        }
        let held = scopes_of(&claims);
        if !scopes.is_empty() && !scopes.iter().any(|scope| held.contains(scope)) {
            return Err(Denied::Scope(scopes.to_vec()));
        }
        let claims = claims.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        Ok(Grant { claims, scopes: (!scopes.is_empty()).then_some(held) })
    }

    /// The token where `IdentitySource` says, without its `Bearer`.
    fn token(&self, request: &Parts) -> Option<String> {
        let source = &self.definition.identity_source;
        let value = if let Some(name) = source.strip_prefix("$request.header.") {
            request.headers.get(name)?.to_str().ok()?.to_owned()
        } else {
            let name = source.strip_prefix("$request.querystring.")?;
            form_urlencoded::parse(request.uri.query()?.as_bytes()).find(|(key, _)| key == name)?.1.into_owned()
        };
        let token = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return None,
            None => value.as_str(),
        };
        (!token.is_empty()).then(|| token.to_owned())
    }

    async fn verified(&self, token: &str) -> Result<Map<String, Value>, Denied> {
        let digest = Sha256::digest(token).into();
        let lasts = |claims: &&Map<String, Value>| {
            claims.get("exp").and_then(Value::as_u64).is_some_and(|end| end > get_current_timestamp())
        };
        if let Some(claims) = self.known().get(&digest).filter(lasts) {
            return Ok(claims.clone());
        }
        let header = decode_header(token).map_err(|_| Denied::Invalid("the token is malformed"))?;
        // The service accepts RSA only, and a key type taken from the token itself must never choose the algorithm.
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512) {
            return Err(Denied::Invalid("the signing method is not supported"));
        }
        let kid = header.kid.ok_or(Denied::Invalid("the token names no key"))?;
        let key = self.key(&kid).await?.ok_or(Denied::Invalid("the token's key is unknown"))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_issuer(&[&self.definition.issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        let decoded = decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|error| Denied::Invalid(reason(error.kind())))?;
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(digest, decoded.claims.clone());
        Ok(decoded.claims)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Map<String, Value>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// API Gateway looks at `aud`, and at `client_id` (Cognito's access tokens) when there is no `aud`.
    fn audience_accepted(&self, claims: &Map<String, Value>) -> bool {
        let accepted = |value: &Value| {
            value.as_str().is_some_and(|value| self.definition.audience.iter().any(|audience| audience == value))
        };
        match (claims.get("aud"), claims.get("client_id")) {
            (Some(Value::Array(audiences)), _) => audiences.iter().any(accepted),
            (Some(audience), _) => accepted(audience),
            (None, client) => client.is_some_and(accepted),
        }
    }

    async fn key(&self, kid: &str) -> Result<Option<DecodingKey>, Denied> {
        match self.keys.key(kid).await {
            Ok(key) => Ok(DecodingKey::from_jwk(&key).ok()),
            Err(JwksError::Unknown) => Ok(None),
            Err(away) => Err(Denied::Issuer(away)),
        }
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidIssuer => "the issuer is not accepted",
        ErrorKind::InvalidSignature => "the signature is invalid",
        _ => "the token is invalid",
    }
}

/// `scope` (a list in one string, as of RFC 8693) or `scp`.
fn scopes_of(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(scopes)) => scopes.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn authorizer(source: &str) -> Authorizer {
        let definition = JwtAuthorizer {
            issuer: "http://issuer".into(),
            audience: vec!["web".into()],
            identity_source: source.into(),
        };
        Authorizer::new(definition, crate::http::client())
    }

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_token_is_taken_from_where_the_template_says() {
        let header = authorizer("$request.header.Authorization");
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc", Some("abc")),
            ("abc", Some("abc")),
            ("Basic abc", None),
            ("Bearer ", None),
        ] {
            let request = parts(http::Request::get("/").header("authorization", value));
            assert_eq!(header.token(&request).as_deref(), token, "{value}");
        }
        let query = authorizer("$request.querystring.token");
        assert_eq!(query.token(&parts(http::Request::get("/?a=1&token=x%2Ey"))).as_deref(), Some("x.y"));
    }

    #[test]
    fn aud_is_asked_first_and_client_id_only_without_it() {
        let authorizer = authorizer("$request.header.Authorization");
        for (claims, accepted) in [
            (json!({ "aud": "web" }), true),
            (json!({ "aud": ["other", "web"] }), true),
            (json!({ "client_id": "web" }), true),
            (json!({ "aud": "other", "client_id": "web" }), false),
            (json!({}), false),
        ] {
            assert_eq!(authorizer.audience_accepted(claims.as_object().unwrap()), accepted, "{claims}");
        }
    }

    #[tokio::test]
    async fn a_token_that_is_known_is_good_until_it_expires() {
        let authorizer = authorizer("$request.header.Authorization");
        let now = get_current_timestamp();
        for (token, exp) in [("good", now + 60), ("over", now)] {
            let claims = json!({ "sub": token, "exp": exp }).as_object().unwrap().clone();
            authorizer.known().insert(Sha256::digest(token).into(), claims);
        }
        assert_eq!(authorizer.verified("good").await.unwrap()["sub"], "good");
        assert!(
            matches!(authorizer.verified("over").await, Err(Denied::Invalid(_))),
            "it is looked at as if it were new"
        );
        assert!(authorizer.verified("other").await.is_err());
    }

    #[test]
    fn claims_become_text() {
        for (claim, expected) in [
            (json!(["admin", "manager"]), "[admin manager]"),
            (json!(1_700_000_000), "1700000000"),
            (json!(true), "true"),
            (json!("x"), "x"),
        ] {
            assert_eq!(text(&claim), expected);
        }
    }
}
