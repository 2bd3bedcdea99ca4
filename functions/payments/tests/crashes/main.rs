//! The process dies at any step of pay, extend, stop, refund and webhook; whoever comes next brings everything to an end in
//! which the books balance, nobody is charged twice, nobody charged is without a right, nobody has a right without a charge.
//!
//! The process is a task whose requests to DynamoDB and to the payment provider go through a gate. When the fuse burns down,
//! the gate lets a request through or not, answers nothing any more, and the task is dropped where it stands.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod gate;
mod invariants;
mod random;
mod scripts;
mod world;
