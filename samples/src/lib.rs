//! Fleets that are not there: a parking simulator and the replay of real occupancy files, both over MQTT.
//!
//! Nothing here knows the platform's insides: both speak to the broker as devices do, and to the API as an
//! administrator does, so that they drive an embedded stack and a real deployment alike.

pub mod cli;
pub mod demand;
pub mod faults;
pub mod fleet;
pub mod publisher;
pub mod replay;
pub mod simulate;
