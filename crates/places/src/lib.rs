//! The register of places, zones and spaces.
//!
//! [`Place`], [`Zone`] and [`Space`] are the register's types, [`PlacesStore`] its table, [`CachedPlaces`] what functions
//! use: it keeps records for some seconds and knows the default place even before it is registered.
//! [`PlaceRecord::summarise`] joins the register with the live state: the one place where totals are computed.

mod cache;
mod error;
mod model;
mod notes;
mod store;
mod summary;
mod whole;

pub use cache::{CachedPlaces, DefaultPlace, Snapshot};
pub use error::RegisterError;
pub use model::{Enrolment, Location, OpenStatus, Place, PlaceRecord, Source, Space, SpaceKind, Zone};
pub use notes::Note;
pub use store::{PlacesStore, entry_of};
pub use summary::{PlaceSummary, ZoneSummary};
