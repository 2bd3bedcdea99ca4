//! Webhooks: signed HTTPS to other systems, never into our own network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parvis_mailroom::Attempt;
use parvis_notices::Letter;
use parvis_notices::public_web::{is_public, read};
use parvis_notices::webhook::{Webhook, signature};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::delivery::Answer;

/// How long another system may take, connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells other systems; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hooks {
    http: reqwest::Client,
    /// Hosts that may stand anywhere.
    allowed: Arc<Vec<String>>,
}

/// Resolves names to addresses of the public internet only. It is asked at each connection, so a name that pointed elsewhere when the
/// webhook was made gains nothing.
struct PublicOnly(Arc<Vec<String>>);

/// A name that points into a private network, or nowhere.
#[derive(Debug, thiserror::Error)]
#[error("the host has no address on the public internet")]
struct NoPublicAddress;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let any = self.0.iter().any(|host| host == name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| any || is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

impl Hooks {
    /// `allowed` names hosts that may stand anywhere and speak plain HTTP.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(allowed: Vec<String>) -> Result<Self, reqwest::Error> {
        let allowed = Arc::new(allowed);
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(PublicOnly(Arc::clone(&allowed))))
            // A redirect could lead anywhere, and a proxy of the environment is none of theirs.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent("Parvis-Webhooks/1")
            .build()?;
        Ok(Self { http, allowed })
    }

    /// Tells a system of an event, signed as Standard Webhooks has it. The event's id is the message's: a receiver knows repetitions by it.
    pub async fn tell(&self, webhook: &Webhook, letter: &Letter, now: DateTime<Utc>) -> (Answer, Attempt) {
        let started = Instant::now();
        let (status, reason) = match self.post(webhook, letter, now).await {
            Ok(status) if status < 300 => (Some(status), None),
            Ok(status) => (Some(status), Some(format!("HTTP {status}"))),
            Err(reason) => (None, Some(reason)),
        };
        let attempt = Attempt {
            at: now,
            event: letter.event.clone(),
            kind: letter.text.clone(),
            status,
            taken: reason.is_none(),
            reason: reason.clone(),
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let answer = match (reason, status) {
            (None, _) => Answer::Taken,
            (Some(reason), Some(410)) => Answer::Never { reason, address: None },
            (Some(reason), _) => Answer::NotNow(reason),
        };
        (answer, attempt)
    }

    /// The status, or what went wrong, in words that tell nothing of our network.
    async fn post(&self, webhook: &Webhook, letter: &Letter, now: DateTime<Utc>) -> Result<u16, String> {
        // Read again, since numeric hosts pass by the resolver.
        let url = read(&webhook.url, &self.allowed).map_err(|error| error.to_string())?;
        let signature = signature(&webhook.secret, &letter.event, now, &letter.body).ok_or("the secret is none")?;
        let request = self
            .http
            .post(url)
            .header("content-type", "application/cloudevents+json")
            .header("webhook-id", &letter.event)
            .header("webhook-timestamp", now.timestamp().to_string())
            .header("webhook-signature", signature)
            .body(letter.body.clone());
        match request.send().await {
            // The body is nobody's business and may be endless: it is not read.
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => Err("no answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("no connection".to_owned()),
            Err(_) => Err("the request failed".to_owned()),
        }
    }
}
