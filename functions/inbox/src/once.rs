//! `Idempotency-Key`: a request that comes twice is done once, and its repetition gets the same answer.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::TimeDelta;
use parvis_kit::idempotency::Claim;
use parvis_kit::problem::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// The header.
const HEADER: &str = "idempotency-key";
/// How long one request may take; API Gateway gives up before.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// The key of a request, if it has one.
#[derive(Clone, Debug)]
pub(crate) struct RequestKey {
    key: Option<String>,
    route: String,
}

/// What was asked, as a digest, and what was answered.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    fingerprint: String,
    answer: T,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let route = format!("{} {}", parts.method, parts.uri.path());
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self { key: None, route }) };
        let key = value.to_str().unwrap_or_default();
        if !(8..=128).contains(&key.len()) {
            let text = "An Idempotency-Key has 8 to 128 printable characters: a new one for each thing that you want done, the same \
                        one when you repeat a request.";
            return Err(Problem::bad_request(text));
        }
        Ok(Self { key: Some(key.to_owned()), route })
    }
}

fn digest(parts: [&[u8]; 2]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}

impl RequestKey {
    /// Does `work` for `who`, who asks for `input`, unless it was done under this key before: then its answer comes again. Without a key
    /// it is always done. Keys are stored as digests, so that they tell nothing of anybody.
    pub(crate) async fn once<T: Serialize + DeserializeOwned>(
        &self,
        app: &App,
        who: &str,
        input: &impl Serialize,
        work: impl Future<Output = ApiResult<T>>,
    ) -> ApiResult<T> {
        let Some(key) = &self.key else { return work.await };
        let key = format!("once#{}", digest([who.as_bytes(), key.as_bytes()]));
        // Bodies are ours and serialise in one way.
        let fingerprint = digest([self.route.as_bytes(), &serde_json::to_vec(input).unwrap_or_default()]);
        let (claims, now) = (app.store().claims(), app.now());
        match claims.claim(&key, now, now + LEASE).await? {
            Claim::Granted => {}
            Claim::Done => return repeat(app, &key, &fingerprint).await,
            Claim::Busy => {
                return Err(Problem::conflict("The same request is being answered. Repeat it in a moment.").into());
            }
        }
        match work.await {
            Ok(answer) => {
                let kept = Kept { fingerprint, answer };
                app.store().keep_answer(&key, &kept, now).await?;
                claims.complete(&key).await?;
                Ok(kept.answer)
            }
            Err(refused) => {
                claims.release(&key).await?;
                Err(refused)
            }
        }
    }
}

async fn repeat<T: DeserializeOwned>(app: &App, key: &str, fingerprint: &str) -> ApiResult<T> {
    match app.store().kept_answer::<Kept<T>>(key).await? {
        Some(kept) if kept.fingerprint == fingerprint => Ok(kept.answer),
        Some(_) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "This idempotency key was used for another request",
        )
        .into()),
        // It lapsed between the two reads.
        None => Err(ApiError(Problem::conflict("This key has just lapsed. Repeat the request with a new one."))),
    }
}
