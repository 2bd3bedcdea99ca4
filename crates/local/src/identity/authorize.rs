//! `/oauth2/authorize` and `/login`: from a client's request over the login page to a code.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use chrono::Utc;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;

use super::{
    Identity, IdentityError, PATH,
    clients::{WEB, redirect_allowed},
    code::Pending,
    endpoints::server_error,
    login::{LoginPage, refusal_page},
    tokens::{LOGIN_LIFE, SCOPES, Session},
    users,
};

const COOKIE: &str = "parvis_login";

/// The query of an authorization request.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Authorization {
    response_type: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    ui_locales: Option<String>,
    lang: Option<String>,
}

/// An authorization request that can be answered.
struct Valid {
    redirect: String,
    challenge: String,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
}

/// Why one cannot.
enum Refusal {
    /// Told to the person: the address to redirect to is not to be trusted.
    Page(&'static str),
    /// Told to the client, by redirect.
    Client(String),
}

impl Authorization {
    fn check(&self, headers: &HeaderMap) -> Result<Valid, Refusal> {
        if self.client_id.as_deref() != Some(WEB) {
            return Err(Refusal::Page("client_id is not a client of this issuer"));
        }
        let own_host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let redirect = self.redirect_uri.as_deref().filter(|redirect| redirect_allowed(redirect, own_host));
        let redirect = redirect.ok_or(Refusal::Page("redirect_uri must be an address of this machine"))?;
        let refuse = |error: &str, description: &str| {
            let parameters = [("error", error), ("error_description", description)];
            Refusal::Client(with_query(redirect, &parameters, self.state.as_deref()))
        };
        if self.response_type.as_deref() != Some("code") {
            return Err(refuse("unsupported_response_type", "response_type must be code"));
        }
        let challenge = match (self.code_challenge_method.as_deref(), &self.code_challenge) {
            (Some("S256"), Some(challenge)) if challenge.len() == 43 => challenge.clone(),
            _ => return Err(refuse("invalid_request", "PKCE with code_challenge_method S256 is required")),
        };
        let scope = self.scope.clone().unwrap_or_else(|| SCOPES.join(" "));
        if scope.split_whitespace().any(|scope| !SCOPES.contains(&scope)) {
            return Err(refuse("invalid_scope", "unknown scope"));
        }
        Ok(Valid {
            redirect: redirect.to_owned(),
            challenge,
            scope,
            state: self.state.clone(),
            nonce: self.nonce.clone(),
        })
    }

    fn language(&self, headers: &HeaderMap) -> &'static str {
        let wished = self.lang.as_deref().or(self.ui_locales.as_deref());
        let wished = wished.or_else(|| headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()));
        if wished.is_some_and(|wished| wished.trim_start().to_ascii_lowercase().starts_with("fr")) {
            "fr"
        } else {
            "en"
        }
    }
}

/// `GET /oauth2/authorize`: the login page, or straight back to the client when the browser is logged in.
pub(super) async fn authorize(
    State(identity): State<Arc<Identity>>,
    RawQuery(query): RawQuery,
    Query(request): Query<Authorization>,
    headers: HeaderMap,
) -> Response {
    let language = request.language(&headers);
    let valid = match request.check(&headers) {
        Ok(valid) => valid,
        Err(refusal) => return refuse(refusal, language),
    };
    let session =
        if request.prompt.as_deref() == Some("login") { Ok(None) } else { identity.logged_in(&headers).await };
    match session {
        Ok(Some(session)) => identity.send_code(valid, session, None),
        Ok(None) if request.prompt.as_deref() == Some("none") => {
            Redirect::to(&with_query(&valid.redirect, &[("error", "login_required")], valid.state.as_deref()))
                .into_response()
        }
        Ok(None) => {
            LoginPage { language, query: query.as_deref().unwrap_or_default(), redirect: &valid.redirect, failed: None }
                .respond()
        }
        Err(error) => server_error(&error),
    }
}

/// What the login page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Credentials {
    /// The button of a demo user.
    demo: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// `POST /login`: checks the credentials and sends the code.
pub(super) async fn login(
    State(identity): State<Arc<Identity>>,
    RawQuery(query): RawQuery,
    Query(request): Query<Authorization>,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Response {
    let language = request.language(&headers);
    let valid = match request.check(&headers) {
        Ok(valid) => valid,
        Err(refusal) => return refuse(refusal, language),
    };
    if foreign(&headers) {
        return refuse(Refusal::Page("the form was sent from another site"), language);
    }
    let user = match &credentials.demo {
        Some(name) => users::find(name),
        None => {
            let named = users::find(credentials.username.as_deref().unwrap_or_default().trim());
            named.filter(|user| credentials.password.as_deref() == Some(user.password))
        }
    };
    let Some(user) = user else {
        let (query, failed) =
            (query.as_deref().unwrap_or_default(), credentials.username.as_deref().unwrap_or_default());
        return LoginPage { language, query, redirect: &valid.redirect, failed: Some(failed) }.respond();
    };
    let session = Session::new(user, WEB, valid.scope.clone(), valid.nonce.clone());
    let cookie = match identity.keys().await {
        Ok(keys) => session.cookie(identity.issuer(), &keys).map_err(IdentityError::from),
        Err(error) => Err(error),
    };
    match cookie {
        Ok(cookie) => identity.send_code(valid, session, Some(cookie)),
        Err(error) => server_error(&error),
    }
}

/// A form sent by another site would log the victim in as somebody else.
fn foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    origin.split_once("://").map(|(_, authority)| authority) != Some(host)
}

fn refuse(refusal: Refusal, language: &'static str) -> Response {
    match refusal {
        Refusal::Page(reason) => refusal_page(language, reason),
        Refusal::Client(address) => Redirect::to(&address).into_response(),
    }
}

impl Identity {
    /// The login that the browser's cookie stands for.
    async fn logged_in(&self, headers: &HeaderMap) -> Result<Option<Session>, IdentityError> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        let Some(cookie) = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE)
        else {
            return Ok(None);
        };
        Ok(Session::from_cookie(cookie.1, &self.issuer, &*self.keys().await?))
    }

    fn send_code(&self, valid: Valid, session: Session, cookie: Option<String>) -> Response {
        tracing::info!(user = session.user().name, at = %Utc::now(), "logged in");
        let Valid { redirect, challenge, scope, state, nonce } = valid;
        let session = session.with_request(WEB, scope, nonce);
        let code = self.codes.add(Pending { session, redirect: redirect.clone(), challenge });
        let mut response = Redirect::to(&with_query(&redirect, &[("code", &code)], state.as_deref())).into_response();
        if let Some(cookie) = cookie {
            set_cookie(&mut response, &cookie, LOGIN_LIFE);
        }
        response
    }
}

/// Sets, or with an empty value and no life removes, the login page's cookie.
pub(super) fn set_cookie(response: &mut Response, value: &str, life: i64) {
    let cookie = format!("{COOKIE}={value}; Path={PATH}; Max-Age={life}; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// The address with parameters added to whatever query it has.
pub(super) fn with_query(address: &str, parameters: &[(&str, &str)], state: Option<&str>) -> String {
    let mut added = form_urlencoded::Serializer::new(String::new());
    added.extend_pairs(parameters);
    if let Some(state) = state {
        added.append_pair("state", state);
    }
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}{}", added.finish())
}

/// Scheme and authority of an address.
pub(super) fn origin_of(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

/// `GET /logout`: forgets the browser and sends it to `logout_uri` (Cognito) or `post_logout_redirect_uri` (OIDC).
pub(super) async fn logout(Query(request): Query<Logout>, headers: HeaderMap) -> Response {
    let own_host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let language = Authorization::default().language(&headers);
    let mut response = match request.logout_uri.or(request.post_logout_redirect_uri) {
        None => super::login::logged_out(language),
        Some(address) if redirect_allowed(&address, own_host) => {
            let address = request.state.map_or(address.clone(), |state| with_query(&address, &[], Some(&state)));
            Redirect::to(&address).into_response()
        }
        Some(_) => {
            let mut response = refusal_page(language, "logout_uri must be an address of this machine");
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    };
    set_cookie(&mut response, "", 0);
    response
}

/// The query of a logout.
#[derive(Debug, Deserialize)]
pub(super) struct Logout {
    logout_uri: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}
