//! Texts that are the same for everybody: compressed and tagged once per sandbox, not once per request.

use std::io::Write as _;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

/// A text with its compressed form and its entity tag.
#[derive(Clone, Debug)]
pub struct Asset {
    media_type: HeaderValue,
    tag: Option<HeaderValue>,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Asset {
    /// The text, ready to be sent.
    #[must_use]
    pub fn new(media_type: &'static str, text: impl Into<Bytes>) -> Self {
        let plain = text.into();
        let digest: String = Sha256::digest(&plain).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self {
            media_type: HeaderValue::from_static(media_type),
            // Weak: one tag for both forms.
            tag: HeaderValue::from_str(&format!("W/\"{digest}\"")).ok(),
            gzip: compressed(&plain),
            plain,
        }
    }

    /// The answer to a request with these headers, in the form that the client takes.
    #[must_use]
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let packed = self.gzip.as_ref().filter(|_| takes_gzip(request));
        let mut response = packed.unwrap_or(&self.plain).clone().into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(tag) = &self.tag {
            headers.insert(header::ETAG, tag.clone());
        }
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Whether `Accept-Encoding` names gzip and does not refuse it (RFC 9110, section 12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse().unwrap_or(1.0);
        matches!(name.trim(), "gzip" | "*") && weight > 0.0
    })
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    fn answer(accepted: Option<&'static str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(accepted) = accepted {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        }
        Asset::new("text/plain", "parking ".repeat(100)).respond(&headers)
    }

    #[tokio::test]
    async fn clients_get_the_form_they_take() {
        for (accepted, packed) in [
            (None, false),
            (Some("br"), false),
            (Some("gzip;q=0"), false),
            (Some("br, gzip"), true),
            (Some("gzip;q=0.5"), true),
            (Some("*"), true),
        ] {
            let response = answer(accepted);
            assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), packed, "{accepted:?}");
            let length = to_bytes(response.into_body(), 10_000).await.unwrap().len();
            assert_eq!(length < 100, packed, "{accepted:?}");
        }
    }

    #[test]
    fn both_forms_have_the_same_tag() {
        assert_eq!(answer(None).headers()[header::ETAG], answer(Some("gzip")).headers()[header::ETAG]);
    }
}
