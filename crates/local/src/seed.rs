//! The first start: the default place and its tariffs enter the register through the API, as an administrator would enter it.

use std::{path::Path, time::Duration};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::identity::{Identity, IdentityError};

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seeded {
    /// The register was empty; this place was created.
    Created(String),
    /// The register has places; nothing was changed.
    AlreadyThere,
}

/// Why the default place could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file of the place.
    #[error("{path}: {source}")]
    File {
        /// Its path.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is not a place.
    #[error("{path} is not a place: {reason}")]
    NotAPlace {
        /// Its path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// No token.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The API cannot be reached.
    #[error("the API cannot be reached: {0}")]
    Http(#[from] reqwest::Error),
    /// The API refused.
    #[error("the API answered {status} to what a first start enters: {body}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// Its explanation.
        body: String,
    },
}

#[derive(Deserialize)]
struct Register {
    places: Vec<Value>,
}

/// How often a server's error is taken for one of starting up.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);

/// Creates the place of `file` through the API at `api` (`http://127.0.0.1:8080`) if the register is empty.
///
/// # Errors
/// [`SeedError`].
pub async fn run(api: &str, identity: &Identity, file: &Path) -> Result<Seeded, SeedError> {
    let (client, url) = (crate::http::client(), format!("{api}/v1/places"));
    let answer = patiently(|| client.get(&url)).await?;
    let register: Register = accepted(answer).await?.json().await?;
    // A place that was never entered, only seen in traffic, has version 0; the default place is always listed like that.
    if register.places.iter().any(|place| place["version"].as_u64() != Some(0)) {
        return Ok(Seeded::AlreadyThere);
    }
    let (id, place) = read(file).await?;
    let token = identity.mint("admin").await?;
    let answer = patiently(|| client.post(&url).bearer_auth(&token).json(&place)).await?;
    if answer.status() == StatusCode::CONFLICT {
        return Ok(Seeded::AlreadyThere);
    }
    accepted(answer).await?;
    Ok(Seeded::Created(id))
}

/// Puts the tariff book of `file` in force if there is none.
///
/// # Errors
/// [`SeedError`].
pub async fn tariffs(api: &str, identity: &Identity, file: &Path) -> Result<Seeded, SeedError> {
    let (client, url) = (crate::http::client(), format!("{api}/v1/parking/tariffs"));
    let answer = patiently(|| client.get(&url)).await?;
    if answer.status().is_success() {
        return Ok(Seeded::AlreadyThere);
    }
    let path = file.display().to_string();
    let text =
        tokio::fs::read_to_string(file).await.map_err(|source| SeedError::File { path: path.clone(), source })?;
    let token = identity.mint("admin").await?;
    let answer = patiently(|| client.put(&url).bearer_auth(&token).body(text.clone())).await?;
    if answer.status() == StatusCode::PRECONDITION_REQUIRED {
        return Ok(Seeded::AlreadyThere);
    }
    accepted(answer).await?;
    Ok(Seeded::Created(path))
}

async fn read(file: &Path) -> Result<(String, Value), SeedError> {
    let path = file.display().to_string();
    let text =
        tokio::fs::read_to_string(file).await.map_err(|source| SeedError::File { path: path.clone(), source })?;
    let place: Value = serde_json::from_str(&text)
        .map_err(|error| SeedError::NotAPlace { path: path.clone(), reason: error.to_string() })?;
    let id = place.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| SeedError::NotAPlace { path, reason: "it has no id".into() })?;
    Ok((id, place))
}

/// The last answer, after some patience with the 5xx of a platform that is still starting (its database, for one).
async fn patiently(request: impl Fn() -> reqwest::RequestBuilder) -> Result<reqwest::Response, SeedError> {
    let mut attempt = 1;
    loop {
        let answer = request().send().await?;
        if !answer.status().is_server_error() || attempt == ATTEMPTS {
            return Ok(answer);
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn accepted(answer: reqwest::Response) -> Result<reqwest::Response, SeedError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(SeedError::Refused { status, body: answer.text().await? })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, extract::State, http::HeaderMap, routing::get};
    use serde_json::json;

    use super::*;

    /// Bodies and `Authorization` of the posts, and how often a GET fails first.
    type Register = Arc<Mutex<(Vec<(Value, String)>, u32)>>;

    async fn list(State(register): State<Register>) -> Result<Json<Value>, StatusCode> {
        let mut register = register.lock().unwrap();
        if register.1 > 0 {
            register.1 -= 1;
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok(Json(json!({ "places": register.0.iter().map(|(place, _)| place).collect::<Vec<_>>() })))
    }

    async fn create(State(register): State<Register>, headers: HeaderMap, Json(place): Json<Value>) -> StatusCode {
        if place.get("zones").is_none() {
            return StatusCode::UNPROCESSABLE_ENTITY;
        }
        register.lock().unwrap().0.push((place, headers["authorization"].to_str().unwrap().to_owned()));
        StatusCode::CREATED
    }

    async fn api(failures: u32) -> (String, Register) {
        let register = Register::new(Mutex::new((Vec::new(), failures)));
        let app = Router::new().route("/v1/places", get(list).post(create)).with_state(Arc::clone(&register));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (base, register)
    }

    #[tokio::test]
    async fn an_empty_register_gets_the_place_once() {
        let directory = tempfile::tempdir().unwrap();
        let (identity, file) =
            (Identity::new("http://issuer", directory.path()), directory.path().join("default.json"));
        std::fs::write(&file, json!({ "id": "default", "zones": [] }).to_string()).unwrap();
        let (base, register) = api(1).await;
        assert_eq!(run(&base, &identity, &file).await.unwrap(), Seeded::Created("default".into()));
        assert_eq!(run(&base, &identity, &file).await.unwrap(), Seeded::AlreadyThere);
        let register = register.lock().unwrap();
        assert_eq!(register.0.len(), 1);
        assert!(register.0[0].1.starts_with("Bearer ey"));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (identity, file) =
            (Identity::new("http://issuer", directory.path()), directory.path().join("default.json"));
        let (base, _) = api(0).await;
        let error = run(&base, &identity, &file).await.unwrap_err();
        assert!(matches!(error, SeedError::File { .. }) && error.to_string().contains("default.json"), "{error}");
        std::fs::write(&file, "[]").unwrap();
        assert!(matches!(run(&base, &identity, &file).await, Err(SeedError::NotAPlace { .. })));
        std::fs::write(&file, r#"{"id":"x"}"#).unwrap();
        assert!(matches!(
            run(&base, &identity, &file).await,
            Err(SeedError::Refused { status: StatusCode::UNPROCESSABLE_ENTITY, .. })
        ));
    }
}
