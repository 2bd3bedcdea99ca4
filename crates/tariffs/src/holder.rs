//! Who parks: the vehicle and the right that it holds.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A class of vehicle for tariffs, by European category (directive 2007/46/EC, regulation 168/2013).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VehicleClass {
    /// M1 and N1: cars and vans.
    #[default]
    Car,
    /// L1 to L3 and L5: mopeds, motorcycles and three-wheelers.
    TwoWheeler,
    /// L4, L6 and L7: side-cars and quadricycles.
    LightOther,
    /// M2, M3, N2, N3: buses and lorries.
    Heavy,
}

/// A text that is not a European vehicle category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a vehicle category such as M1, N2 or L3e")]
pub struct UnknownCategory(String);

impl VehicleClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Car, Self::TwoWheeler, Self::LightOther, Self::Heavy];
}

/// Reads the category of a registration document (field J): `M1`, `L3e-A2`.
impl FromStr for VehicleClass {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, UnknownCategory> {
        match text.get(..2) {
            Some("M1" | "N1") => Ok(Self::Car),
            Some("M2" | "M3" | "N2" | "N3") => Ok(Self::Heavy),
            Some("L1" | "L2" | "L3" | "L5") => Ok(Self::TwoWheeler),
            Some("L4" | "L6" | "L7") => Ok(Self::LightOther),
            _ => Err(UnknownCategory(text.to_owned())),
        }
    }
}

/// The Crit'Air class of a vehicle, as on its sticker (arrêté of 2016-06-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CritAir {
    /// 0: electric and hydrogen ("E").
    #[serde(rename = "0")]
    Zero,
    /// 1.
    #[serde(rename = "1")]
    One,
    /// 2.
    #[serde(rename = "2")]
    Two,
    /// 3.
    #[serde(rename = "3")]
    Three,
    /// 4.
    #[serde(rename = "4")]
    Four,
    /// 5.
    #[serde(rename = "5")]
    Five,
    /// Too old for a class.
    Unclassified,
}

/// The right under which a vehicle parks (APDS: qualification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Qualification {
    /// Nobody in particular.
    #[default]
    Visitor,
    /// Lives in the zone.
    Resident,
    /// Works in the zone: craftsmen, traders.
    Professional,
    /// Care worker on home visits.
    CareWorker,
}

impl Qualification {
    /// All qualifications.
    pub const ALL: [Self; 4] = [Self::Visitor, Self::Resident, Self::Professional, Self::CareWorker];
}

/// What a price depends on besides place and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The class of the vehicle.
    #[serde(default)]
    pub class: VehicleClass,
    /// Electric or hydrogen.
    #[serde(default)]
    pub electric: bool,
    /// Its Crit'Air class, when known. Unknown is not unclassified: no Crit'Air modifier applies.
    #[serde(default)]
    pub critair: Option<CritAir>,
    /// The right it holds.
    #[serde(default)]
    pub qualification: Qualification,
}

impl Holder {
    /// A visitor's vehicle.
    #[must_use]
    pub fn visitor(class: VehicleClass) -> Self {
        Self { class, ..Self::default() }
    }

    /// The same vehicle without its right: for the FPS, which knows no subscriptions.
    #[must_use]
    pub fn as_visitor(self) -> Self {
        Self { qualification: Qualification::Visitor, ..self }
    }
}

/// Whom a rate or a modifier is for (APDS: eligibility). An absent condition is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Eligibility {
    /// Classes of vehicle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<VehicleClass>,
    /// Electric vehicles only (`true`) or none of them (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electric: Option<bool>,
    /// Crit'Air classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critair: Vec<CritAir>,
    /// Rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualifications: Vec<Qualification>,
}

impl Eligibility {
    /// True when every condition holds.
    #[must_use]
    pub fn admits(&self, holder: &Holder) -> bool {
        (self.classes.is_empty() || self.classes.contains(&holder.class))
            && self.electric.is_none_or(|electric| electric == holder.electric)
            && (self.critair.is_empty() || holder.critair.is_some_and(|class| self.critair.contains(&class)))
            && (self.qualifications.is_empty() || self.qualifications.contains(&holder.qualification))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_the_registration_document() {
        let class = |text: &str| text.parse::<VehicleClass>().ok();
        assert_eq!(class("L3e-A2"), Some(VehicleClass::TwoWheeler));
        assert_eq!(class("L5e"), Some(VehicleClass::TwoWheeler));
        for other in ["L4e", "L6e", "L7e"] {
            assert_eq!(class(other), Some(VehicleClass::LightOther));
        }
        assert_eq!((class("M1"), class("N3")), (Some(VehicleClass::Car), Some(VehicleClass::Heavy)));
        assert_eq!((class("é1"), class("X")), (None, None));
    }

    #[test]
    fn an_unknown_sticker_meets_no_condition() {
        let old = Eligibility { critair: vec![CritAir::Four, CritAir::Unclassified], ..Eligibility::default() };
        let holder = Holder::default();
        assert!(!old.admits(&holder));
        assert!(old.admits(&Holder { critair: Some(CritAir::Unclassified), ..holder }));
        assert!(Eligibility::default().admits(&holder));
    }
}
