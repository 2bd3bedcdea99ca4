//! `/oauth2/token`: codes, refresh tokens and machine credentials into tokens.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::{
    Identity, IdentityError, Tokens,
    clients::{MACHINES, WEB},
    endpoints::server_error,
    tokens::{Session, machine},
};

/// The form of a token request.
#[derive(Debug, Deserialize)]
pub(super) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

/// Why no tokens are given.
enum Refused {
    /// One of OAuth's error codes.
    Code(StatusCode, &'static str),
    /// Ours.
    Server(IdentityError),
}

impl<E: Into<IdentityError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Server(error.into())
    }
}

const INVALID_GRANT: Refused = Refused::Code(StatusCode::BAD_REQUEST, "invalid_grant");
const INVALID_REQUEST: Refused = Refused::Code(StatusCode::BAD_REQUEST, "invalid_request");

/// `POST /oauth2/token`.
pub(super) async fn token(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Response {
    let mut response = match identity.grant(&headers, request).await {
        Ok(tokens) => Json(tokens).into_response(),
        Err(Refused::Code(status, code)) => (status, Json(json!({ "error": code }))).into_response(),
        Err(Refused::Server(error)) => server_error(&error),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Identity {
    async fn grant(&self, headers: &HeaderMap, request: TokenRequest) -> Result<Tokens, Refused> {
        let keys = self.keys().await?;
        match request.grant_type.as_deref() {
            Some("authorization_code") => {
                public(&request)?;
                let (Some(code), Some(redirect), Some(verifier)) =
                    (&request.code, &request.redirect_uri, &request.code_verifier)
                else {
                    return Err(INVALID_REQUEST);
                };
                let session = self.codes.redeem(code, redirect, verifier).ok_or(INVALID_GRANT)?;
                Ok(session.issue(&self.issuer, &keys)?)
            }
            Some("refresh_token") => {
                public(&request)?;
                let token = request.refresh_token.as_deref().ok_or(INVALID_REQUEST)?;
                let session =
                    Session::from_refresh(token, &self.issuer, &keys).filter(|session| session.client() == WEB);
                Ok(session.ok_or(INVALID_GRANT)?.renew(&self.issuer, &keys)?)
            }
            Some("client_credentials") => {
                let proven = credentials(headers, &request).and_then(|(id, secret)| {
                    MACHINES.iter().find(|machine| id == machine.id && secret == machine.secret)
                });
                let Some(client) = proven else {
                    return Err(Refused::Code(StatusCode::UNAUTHORIZED, "invalid_client"));
                };
                let scope = request.scope.unwrap_or_else(|| client.scopes.join(" "));
                if scope.split_whitespace().any(|scope| !client.scopes.contains(&scope)) {
                    return Err(Refused::Code(StatusCode::BAD_REQUEST, "invalid_scope"));
                }
                Ok(machine(client, &scope, &self.issuer, &keys)?)
            }
            Some(_) => Err(Refused::Code(StatusCode::BAD_REQUEST, "unsupported_grant_type")),
            None => Err(INVALID_REQUEST),
        }
    }
}

/// Codes and refresh tokens belong to the web client, which has no secret.
fn public(request: &TokenRequest) -> Result<(), Refused> {
    if request.client_id.as_deref() == Some(WEB) {
        Ok(())
    } else {
        Err(Refused::Code(StatusCode::BAD_REQUEST, "invalid_client"))
    }
}

/// Client id and secret from the `Authorization` header or the form.
fn credentials(headers: &HeaderMap, request: &TokenRequest) -> Option<(String, String)> {
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let encoded = header.to_str().ok()?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
        return decoded.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()));
    }
    request.client_id.clone().zip(request.client_secret.clone())
}
