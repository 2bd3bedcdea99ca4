//! The embedded stack: the platform's functions behind local emulations of the AWS services they use.
//!
//! Everything is read from `template.yaml`; [`stack::Stack::start`] wires it. See the crate's README for the map.

pub mod cli;
mod coworking;
pub mod dynamodb;
pub mod faults;
pub mod http;
pub mod identity;
pub mod iot;
pub mod lambda;
pub mod mappings;
pub mod options;
pub mod postgres;
pub mod queues;
mod runtime;
pub mod schedules;
pub mod seed;
pub mod ses;
pub mod sns;
pub mod stack;
pub mod state;
