//! Lambda: one child process per sandbox, driven through the real Runtime API, and the Invoke API in front.
//!
//! A sandbox is this very program, started as `parvis __function <context>`, which runs the same code that the deployed
//! function runs. It handles one invocation at a time; more at once mean more sandboxes, up to a cap. Idle ones are kept.

mod environment;
mod error;
mod host;
mod invoke_api;
mod logs;
pub mod probe;
mod runtime_api;
mod sandbox;
mod usage;

pub use environment::{ACCESS_KEY, SECRET_KEY};
pub use error::InvokeError;
pub use host::{Config, Host};
pub use usage::Usage;

/// Largest event and answer of a synchronous invocation, bytes.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
