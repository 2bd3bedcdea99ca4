//! The tokens, with Cognito's claims.

use chrono::Utc;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    clients::Machine,
    keys::Keys,
    users::{self, DemoUser},
};

/// Life of ID and access tokens in seconds: Cognito's default.
pub const TOKEN_LIFE: i64 = 60 * 60;
/// Life of refresh tokens in seconds: Cognito's default.
const REFRESH_LIFE: i64 = 30 * 24 * 60 * 60;
/// Life of the browser's session with the login page in seconds, as with Cognito.
pub const LOGIN_LIFE: i64 = 60 * 60;

/// Scopes that a user's client may ask for.
pub const SCOPES: [&str; 5] = ["openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"];

/// The answer of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Who logged in, for the client itself. Present when the scope has `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What the client sends to the API.
    pub access_token: String,
    /// What gets new tokens; present after a login, absent after a refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Life of the tokens in seconds.
    pub expires_in: i64,
    /// Always `Bearer`.
    pub token_type: String,
}

/// A login: what every token derived from it has in common.
#[derive(Debug, Clone)]
pub struct Session {
    user: &'static DemoUser,
    client: String,
    scope: String,
    nonce: Option<String>,
    auth_time: i64,
    origin: String,
}

/// What only the issuer reads back: refresh tokens and the login page's cookie. They have neither `aud` nor `client_id`
/// and an issuer of their own, so that no authorizer takes them for access tokens.
#[derive(Debug, Serialize, Deserialize)]
struct Private {
    iss: String,
    sub: String,
    token_use: String,
    client: String,
    scope: String,
    auth_time: i64,
    origin_jti: String,
    exp: i64,
}

const REFRESH: &str = "refresh";
const LOGIN: &str = "login";

impl Session {
    /// A login of now.
    #[must_use]
    pub fn new(user: &'static DemoUser, client: &str, scope: String, nonce: Option<String>) -> Self {
        let (auth_time, origin) = (Utc::now().timestamp(), Uuid::new_v4().to_string());
        Self { user, client: client.to_owned(), scope, nonce, auth_time, origin }
    }

    /// The user who logged in.
    #[must_use]
    pub fn user(&self) -> &'static DemoUser {
        self.user
    }

    /// The client the session belongs to.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.client
    }

    /// A session of the same login for another request of a client (the cookie's, when a page logs in again in
    /// silence).
    #[must_use]
    pub fn with_request(self, client: &str, scope: String, nonce: Option<String>) -> Self {
        Self { client: client.to_owned(), scope, nonce, ..self }
    }

    /// ID, access and refresh token.
    ///
    /// # Errors
    /// Signing fails.
    pub fn issue(&self, issuer: &str, keys: &Keys) -> jsonwebtoken::errors::Result<Tokens> {
        let refresh = self.private(issuer, keys, REFRESH, REFRESH_LIFE)?;
        Ok(Tokens { refresh_token: Some(refresh), ..self.renew(issuer, keys)? })
    }

    /// ID and access token alone.
    ///
    /// # Errors
    /// Signing fails.
    pub fn renew(&self, issuer: &str, keys: &Keys) -> jsonwebtoken::errors::Result<Tokens> {
        let scopes: Vec<&str> = self.scope.split_whitespace().collect();
        let access_token = keys.sign(&self.access_claims(issuer))?;
        let id_token =
            if scopes.contains(&"openid") { Some(keys.sign(&self.id_claims(issuer, &scopes))?) } else { None };
        Ok(Tokens { id_token, access_token, refresh_token: None, expires_in: TOKEN_LIFE, token_type: "Bearer".into() })
    }

    /// The value of the login page's cookie.
    ///
    /// # Errors
    /// Signing fails.
    pub fn cookie(&self, issuer: &str, keys: &Keys) -> jsonwebtoken::errors::Result<String> {
        self.private(issuer, keys, LOGIN, LOGIN_LIFE)
    }

    fn common(&self, issuer: &str, token_use: &str) -> Value {
        let now = Utc::now().timestamp();
        json!({
            "sub": self.user.sub,
            "iss": issuer,
            "token_use": token_use,
            "cognito:groups": [self.user.role],
            "auth_time": self.auth_time,
            "iat": now,
            "exp": now + TOKEN_LIFE,
            "jti": Uuid::new_v4(),
            "origin_jti": self.origin,
            "event_id": Uuid::new_v4(),
        })
    }

    fn access_claims(&self, issuer: &str) -> Value {
        let mut claims = self.common(issuer, "access");
        claims["client_id"] = json!(self.client);
        claims["username"] = json!(self.user.name);
        claims["scope"] = json!(self.scope);
        claims["version"] = json!(2);
        claims
    }

    fn id_claims(&self, issuer: &str, scopes: &[&str]) -> Value {
        let mut claims = self.common(issuer, "id");
        claims["aud"] = json!(self.client);
        claims["cognito:username"] = json!(self.user.name);
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = json!(nonce);
        }
        merge(&mut claims, attributes(self.user, scopes));
        claims
    }

    fn private(&self, issuer: &str, keys: &Keys, token_use: &str, life: i64) -> jsonwebtoken::errors::Result<String> {
        keys.sign(&Private {
            iss: private_issuer(issuer, token_use),
            sub: self.user.name.to_owned(),
            token_use: token_use.to_owned(),
            client: self.client.clone(),
            scope: self.scope.clone(),
            auth_time: self.auth_time,
            origin_jti: self.origin.clone(),
            exp: Utc::now().timestamp() + life,
        })
    }

    /// The login behind a refresh token; `None` if it is not one of ours or has expired.
    #[must_use]
    pub fn from_refresh(token: &str, issuer: &str, keys: &Keys) -> Option<Self> {
        Self::read(token, issuer, keys, REFRESH)
    }

    /// The login behind the login page's cookie.
    #[must_use]
    pub fn from_cookie(token: &str, issuer: &str, keys: &Keys) -> Option<Self> {
        Self::read(token, issuer, keys, LOGIN)
    }

    fn read(token: &str, issuer: &str, keys: &Keys, token_use: &str) -> Option<Self> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.set_issuer(&[private_issuer(issuer, token_use)]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        let Private { sub, client, scope, auth_time, origin_jti, .. } =
            jsonwebtoken::decode::<Private>(token, keys.verifying(), &validation).ok()?.claims;
        Some(Self { user: users::find(&sub)?, client, scope, nonce: None, auth_time, origin: origin_jti })
    }
}

fn private_issuer(issuer: &str, token_use: &str) -> String {
    format!("{issuer}#{token_use}")
}

/// The user's attributes that the scopes give away, for the ID token and for user info.
#[must_use]
pub fn attributes(user: &DemoUser, scopes: &[&str]) -> Value {
    let mut attributes = json!({});
    if scopes.contains(&"email") {
        merge(&mut attributes, json!({ "email": user.email, "email_verified": true }));
    }
    if scopes.contains(&"phone") {
        merge(&mut attributes, json!({ "phone_number": user.phone, "phone_number_verified": true }));
    }
    if scopes.contains(&"profile") {
        merge(&mut attributes, json!({ "name": user.person }));
    }
    attributes
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// The access token of a machine.
///
/// # Errors
/// Signing fails.
pub fn machine(machine: &Machine, scope: &str, issuer: &str, keys: &Keys) -> jsonwebtoken::errors::Result<Tokens> {
    let now = Utc::now().timestamp();
    let access_token = keys.sign(&json!({
        "sub": machine.id,
        "iss": issuer,
        "token_use": "access",
        "client_id": machine.id,
        "scope": scope,
        "version": 2,
        "auth_time": now,
        "iat": now,
        "exp": now + TOKEN_LIFE,
        "jti": Uuid::new_v4(),
    }))?;
    Ok(Tokens {
        id_token: None,
        access_token,
        refresh_token: None,
        expires_in: TOKEN_LIFE,
        token_type: "Bearer".into(),
    })
}
