//! The look that the local stack's own pages share (login, outbox, hints): one column, readable on a phone, light and
//! dark.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

/// Text for an element or a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A page of the local stack.
pub struct Page<'a> {
    /// HTTP status.
    pub status: StatusCode,
    /// Language of the text, `en` or `fr`.
    pub language: &'a str,
    /// Title of the window, as text.
    pub title: &'a str,
    /// The `<main>` element, as HTML.
    pub main: &'a str,
    /// A script of ours, or nothing.
    pub script: &'a str,
    /// Origins, beside our own, to which a form's answer may redirect.
    pub form_action: &'a str,
}

impl Default for Page<'_> {
    fn default() -> Self {
        Self { status: StatusCode::OK, language: "en", title: "Parvis", main: "", script: "", form_action: "" }
    }
}

const STYLE: &str = include_str!("page.css");

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        // The nonce keeps script and style to what stands here, whatever a message or a redirect address contains.
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let (language, title, main) = (self.language, escape(self.title), self.main);
        let script = if self.script.is_empty() {
            String::new()
        } else {
            format!(r#"<script nonce="{nonce}">{}</script>"#, self.script)
        };
        let html = format!(
            r#"<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">
<style nonce="{nonce}">{STYLE}</style></head><body>{main}{script}</body></html>"#
        );
        let policy = [
            "default-src 'none'",
            &format!("style-src 'nonce-{nonce}'"),
            &format!("script-src 'nonce-{nonce}'"),
            "connect-src 'self'",
            "img-src data:",
            &format!("form-action 'self' {}", self.form_action),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
        .join("; ");
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Not "no-referrer": browsers then send `Origin: null` with forms, which the login could not tell from a foreign site.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(escape(r#"<b a="1">&'"#), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;");
    }
}
