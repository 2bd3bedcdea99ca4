//! The Lambda kit: what every function needs around its rules.
//!
//! | module | for |
//! |---|---|
//! | [`telemetry`] | JSON logs on standard error, the TLS provider |
//! | [`env`] | configuration from the environment |
//! | [`aws`] | the SDK's configuration, with rustls and ring |
//! | [`metrics`] | CloudWatch metrics in the embedded format on standard output |
//! | [`lambda`] | running a handler, and failures with a stable type |
//! | [`batch`] | partial batch responses of queues and streams |
//! | [`idempotency`] | doing a thing once although its message comes twice |
//! | [`event_store`] | the table of events between contexts |
//! | [`http`] | running an axum router: stage, conditional requests, compression |
//! | [`api`] | how handlers fail, and the OpenAPI document |
//! | [`routes`] | routes that describe themselves for the OpenAPI document, once it is asked for |
//! | [`moment`] | instants and days in query parameters |
//! | [`problem`] | refusals and failures as problem+json (RFC 9457) |
//! | [`table`] | tables that people send as CSV files |
//! | [`auth`] | who calls, from the API's JWT authorizer |
//! | `jwks` (a feature) | the keys of an issuer of tokens |
//! | [`postgres`] | the connection pool, with IAM tokens |

pub mod api;
pub mod auth;
pub mod aws;
pub mod batch;
pub mod env;
pub mod event_store;
pub mod http;
pub mod idempotency;
#[cfg(feature = "jwks")]
pub mod jwks;
pub mod lambda;
pub mod metrics;
pub mod moment;
pub mod postgres;
pub mod problem;
pub mod routes;
pub mod table;
pub mod telemetry;
