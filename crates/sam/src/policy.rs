//! What the template allows each function, for the least-privilege test.

use std::collections::BTreeSet;

use crate::model::Function;

/// The actions that a function's role allows, beyond what SAM adds by itself (event sources, logs, tracing, network interfaces).
#[must_use]
pub fn allowed_actions(function: &Function) -> BTreeSet<String> {
    let allowed = function.statements.iter().filter(|statement| statement.allow);
    allowed.flat_map(|statement| statement.actions.iter().cloned()).collect()
}
