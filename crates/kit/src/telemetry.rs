//! Logs: JSON lines on standard error, so that standard output carries nothing but metrics.

use std::{error::Error, fmt, io};

use tracing_subscriber::EnvFilter;

/// Sets up logging and the process-wide TLS provider; call it first in a function's `run`.
///
/// `RUST_LOG` chooses the levels (default `info`), `RUST_LOG_FORMAT=text` a format for people. A second call changes
/// nothing.
pub fn init() {
    // Both rustls providers may be linked into a test binary; without a choice rustls would panic at the first handshake.
    // An error says that a provider is already chosen, which is as good.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();

    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _set_before = if std::env::var("RUST_LOG_FORMAT").is_ok_and(|format| format == "text") {
        logs.with_ansi(false).try_init()
    } else {
        logs.json().flatten_event(true).with_span_list(false).try_init()
    };
}

/// An error with everything that caused it, for a log: `the database failed: connection refused`.
///
/// The JSON format writes an error given as a value without its sources, which are what an operator needs.
pub fn chain(error: &dyn Error) -> impl fmt::Display {
    struct Chain<'a>(&'a dyn Error);
    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut said = self.0.to_string();
            f.write_str(&said)?;
            let mut next = self.0.source();
            while let Some(error) = next {
                let text = error.to_string();
                // Many errors repeat what they wrap.
                if !said.ends_with(&text) {
                    write!(f, ": {text}")?;
                }
                said = text;
                next = error.source();
            }
            Ok(())
        }
    }
    Chain(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn a_chain_tells_every_cause_once() {
        let error = Layer("the batch failed", Some(Box::new(Layer("refused", Some(Box::new(Layer("refused", None)))))));
        assert_eq!(chain(&error).to_string(), "the batch failed: refused");
    }
}
