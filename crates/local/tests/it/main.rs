//! The parts of the stack as their clients meet them: real processes, real SDKs, the real program. One test program, because each
//! would link the whole platform again.
#![expect(clippy::unwrap_used, reason = "what a test cannot go on without ends it")]

mod lambda;
mod mappings;
mod program;
mod queues;
mod support;
