//! The issuer's routes: discovery, keys and user info here, the others where their flows are.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_http::cors::{Any, CorsLayer};

use super::{Identity, IdentityError, authorize, clients::MACHINE, token::token, tokens, users};

pub(super) fn router<S: Clone + Send + Sync + 'static>(identity: Arc<Identity>) -> Router<S> {
    // What scripts call may be called from any origin, as with Cognito: the development server of the pages has another
    // port.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/.well-known/jwks.json", get(jwks))
        .route("/oauth2/token", post(token))
        .route("/oauth2/userInfo", get(user_info).post(user_info))
        .layer(cors)
        .route("/oauth2/authorize", get(authorize::authorize))
        .route("/login", post(authorize::login))
        .route("/logout", get(authorize::logout))
        .with_state(identity)
}

/// An answer for a fault of ours; the reason goes to the log only.
pub(super) fn server_error(error: &IdentityError) -> Response {
    tracing::error!(%error, "the issuer failed");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "server_error" }))).into_response()
}

async fn discovery(State(identity): State<Arc<Identity>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", identity.issuer);
    let scopes: Vec<&str> = tokens::SCOPES.iter().chain(MACHINE.scopes).copied().collect();
    Json(json!({
        "issuer": identity.issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "userinfo_endpoint": at("/oauth2/userInfo"),
        "end_session_endpoint": at("/logout"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "scopes_supported": scopes,
        "ui_locales_supported": ["en", "fr"],
    }))
}

async fn jwks(State(identity): State<Arc<Identity>>) -> Response {
    match identity.keys().await {
        Ok(keys) => ([(header::CACHE_CONTROL, "public, max-age=300")], Json(keys.public())).into_response(),
        Err(error) => server_error(&error),
    }
}

#[derive(Deserialize)]
struct AccessClaims {
    token_use: String,
    username: Option<String>,
    #[serde(default)]
    scope: String,
}

/// `/oauth2/userInfo`: the attributes that the access token's scopes give away.
async fn user_info(State(identity): State<Arc<Identity>>, headers: HeaderMap) -> Response {
    let keys = match identity.keys().await {
        Ok(keys) => keys,
        Err(error) => return server_error(&error),
    };
    let mut validation = Validation::new(Algorithm::RS256);
    validation.leeway = 0;
    validation.validate_aud = false;
    validation.set_issuer(&[&identity.issuer]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let claims =
        token.and_then(|token| jsonwebtoken::decode::<AccessClaims>(token, keys.verifying(), &validation).ok());
    let user = claims.and_then(|token| {
        let scopes: Vec<&str> = token.claims.scope.split_whitespace().collect();
        let user = users::find(token.claims.username.as_deref()?)?;
        let allowed = token.claims.token_use == "access" && scopes.contains(&"openid");
        allowed.then(|| (user, tokens::attributes(user, &scopes)))
    });
    match user {
        Some((user, mut attributes)) => {
            attributes["sub"] = json!(user.sub);
            attributes["username"] = json!(user.name);
            Json(attributes).into_response()
        }
        None => {
            let mut response = (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_token" }))).into_response();
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#));
            response
        }
    }
}
