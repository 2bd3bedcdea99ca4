//! Drives the platform as clients and devices do, wherever it runs: embedded in the test, or deployed elsewhere.
//!
//! A test asks for a [`Platform`] and never learns which one it got, unless it needs the embedded stack's faults
//! ([`Platform::embedded`]). `PARVIS_TARGET=<file>` names a JSON file that describes a deployed platform
//! ([`Deployed`]); without it every test starts its own embedded stack on free ports.

mod dead_letters;
mod devices;
mod embedded;
mod eventually;
mod forwarder;
mod history;
mod http;
mod platform;
mod process;

pub use devices::{Device, Reading, Subscriber};
pub use embedded::Embedded;
pub use eventually::{eventually, eventually_within};
pub use forwarder::TlsFiles;
pub use history::{Transition, transitions_of};
pub use http::Api;
pub use parvis_ingest::dead_letter::DeadLetter;
pub use platform::{Deployed, Platform};
pub use process::Process;
