//! Reads the SAM template into the typed model that the local stack, the tests and xtask share.
//!
//! The template is the only description of the deployment: routes, queues, mappings, rules, tables and the environment of
//! every function are read from it, so that nothing that runs locally can drift from what is deployed.
//!
//! ```no_run
//! use parvis_sam::{Resolution, Template};
//!
//! # fn main() -> Result<(), parvis_sam::Error> {
//! let template = Template::load("template.yaml")?;
//! let resolution = Resolution::default()
//!     .parameter("Stage", "local")
//!     .queue_endpoint("http://127.0.0.1:9324")
//!     .output("Identity", "Issuer", "http://127.0.0.1:8080/_local/identity")
//!     .secrets(|secret| Some(format!("value of {}", secret.id)));
//! let stack = template.resolve(&resolution)?;
//! for (id, function) in &stack.functions {
//!     println!("{id} runs functions/{}", function.context);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Whatever the model does not know and that could change behaviour (a resource type, a property, an intrinsic function, an
//! event type) is an [`Error`] that names the resource and the property; nothing is skipped in silence except the
//! types and properties listed as having no local effect (`build::WITHOUT_LOCAL_EFFECT` and the `IGNORED` lists).

mod build;
mod error;
mod model;
mod names;
pub mod policy;
mod raw;
mod resolution;
mod scope;
mod template;
mod yaml;

pub use error::{Error, Location, Problem};
pub use model::{
    Attribute, AttributeType, Authorizer, Cors, CustomResource, Event, Function, GenerateSecret, HttpApi, Index,
    JwtAuthorizer, LogicalId, Queue, QueueMapping, Redrive, Route, Rule, RuleAction, Schedule, ScheduleExpression,
    Secret, Stack, StartingPosition, Statement, StreamMapping, StreamView, Subscription, Table, Topic,
};
pub use resolution::{Pseudo, Resolution, SecretReference};
pub use template::Template;
