//! Which functions of the source call which, and which operations of the AWS SDK they call: enough of a type inference to tell the
//! methods of one store from those of another.

mod infer;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
};

/// Names of types.
pub type Types = BTreeSet<String>;

/// An operation of the SDK as the source calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The type whose method calls it; the file for a free function.
    pub owner: String,
    /// The method's name, for example `put_item`; `Put::builder` within a transaction.
    pub name: String,
}

/// What something is called on.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// Nothing: a free function.
    Nothing,
    /// A value of one of these types, or one of these types itself.
    Types(Types),
    /// A value whose type could not be told.
    Unknown,
}

/// A call of something that may be one of ours.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    pub on: Receiver,
    /// Whether the result is awaited on the spot.
    pub awaited: bool,
}

/// A function or method.
#[derive(Debug)]
pub struct Item {
    pub owner: Option<String>,
    pub name: String,
    pub crate_name: String,
    pub operations: Vec<Operation>,
    pub calls: Vec<Call>,
}

/// What is known of the types of a set of crates.
#[derive(Debug, Default)]
pub struct Known {
    /// Types of the fields of that name, in any struct.
    pub fields: BTreeMap<String, Types>,
    /// What functions of that name return.
    pub returns: BTreeMap<String, Types>,
}

/// Names that everyday types have too, so that a receiver of unknown type says nothing. Methods of ours by these names are
/// asynchronous and therefore awaited.
const EVERYDAY: [&str; 10] = ["get", "put", "list", "delete", "query", "send", "end", "newest", "read", "claim"];

/// The operations that a function's crate reaches, directly or through the crates of ours that it depends on.
pub fn operations(workspace: &Path, package: &str) -> BTreeSet<Operation> {
    let crates = read::with_dependencies(workspace, package);
    let known = read::known(&crates);
    let items: Vec<Item> = crates.iter().flat_map(|source| read::items(source, &known)).collect();
    // Everything in the function's own crate runs; of the other crates only what is called.
    let mut queue: Vec<usize> = (0..items.len()).filter(|i| items[*i].crate_name == package).collect();
    let mut reached: HashSet<usize> = queue.iter().copied().collect();
    while let Some(i) = queue.pop() {
        for call in &items[i].calls {
            let called = (0..items.len()).filter(|j| may_be(call, &items[*j]));
            queue.extend(called.filter(|j| reached.insert(*j)));
        }
    }
    reached.into_iter().flat_map(|i| items[i].operations.clone()).collect()
}

fn may_be(call: &Call, item: &Item) -> bool {
    call.name == item.name
        && match (&call.on, &item.owner) {
            (Receiver::Nothing, owner) => owner.is_none(),
            (Receiver::Types(types), Some(owner)) => types.contains(owner),
            // Default methods of traits belong to no type here.
            (_, None) => true,
            (Receiver::Unknown, Some(_)) => call.awaited || !EVERYDAY.contains(&call.name.as_str()),
        }
}
