//! The API as a client sees it.

use anyhow::{Context, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// A client of the HTTP API, with or without a login.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// A client without a login.
    #[must_use]
    pub fn new(base: String) -> Self {
        // Where one is chosen already, that is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self { http: reqwest::Client::new(), base, token: None }
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: String) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// A request to be completed by the test.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The JSON of a successful GET.
    ///
    /// # Errors
    /// When the request fails or the status is not 2xx.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(self.request(Method::GET, path)).await
    }

    /// Sends JSON and returns the JSON answered, or null for an empty body.
    ///
    /// # Errors
    /// When the request fails or the status is not 2xx.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(self.request(method, path).json(body)).await
    }

    /// Status and JSON of any answer.
    ///
    /// # Errors
    /// When no answer comes or it is not JSON.
    pub async fn answer(&self, request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).with_context(|| text.clone())? };
        Ok((status, body))
    }

    async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let (status, body) = self.answer(request).await?;
        if !status.is_success() {
            bail!("{status}: {body}");
        }
        Ok(body)
    }
}
