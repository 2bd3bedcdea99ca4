//! What the books are told about parking: one movement of money with the stay that it is for.

use chrono::{DateTime, Utc};
use parvis_money::Money;
use parvis_parking::ZoneId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::Auxiliary;
use crate::rules::{Movement, Payer, Supply};

/// A movement of money with the stay that it is for. No plate, and no person but a pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkingMovement {
    /// Made with the charge or refund that it records, so that it is recorded once.
    pub id: Uuid,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What kind.
    pub kind: ParkingMovementKind,
    /// How much, VAT included; zero for free parking.
    pub gross: Money,
    /// What was sold.
    pub supply: Supply,
    /// Who pays, and from where.
    pub payer: Payer,
    /// The stay.
    pub stay: Stay,
}

/// Which way money of a wallet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletMovementKind {
    /// Into it.
    #[default]
    TopUp,
    /// Back to its owner.
    PayBack,
    /// Back into it: the owner's bank has returned what was paid back.
    Returned,
    /// Back to its owner, by a person and from the bank account.
    ByHand,
}

/// Money that was put into a wallet, or paid back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletMovement {
    /// Made with the payment that it records, so that it is recorded once.
    pub id: Uuid,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Which way.
    #[serde(default)]
    pub kind: WalletMovementKind,
    /// How much.
    pub amount: Money,
    /// Whose wallet.
    pub customer: Auxiliary,
}

impl WalletMovement {
    /// The movement for the books.
    #[must_use]
    pub fn movement(&self) -> Movement {
        let (amount, customer) = (self.amount, self.customer.clone());
        match self.kind {
            WalletMovementKind::TopUp => Movement::TopUp { amount, customer },
            WalletMovementKind::PayBack => Movement::PayBack { amount, customer },
            WalletMovementKind::Returned => Movement::Returned { amount, customer },
            WalletMovementKind::ByHand => Movement::PayByHand { amount, customer },
        }
    }
}

/// A movement as payments keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeptMovement {
    /// Of a stay.
    Parking(Box<ParkingMovement>),
    /// Of a wallet.
    Wallet(WalletMovement),
}

impl KeptMovement {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        match self {
            Self::Parking(movement) => movement.id,
            Self::Wallet(movement) => movement.id,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Parking(movement) => movement.at,
            Self::Wallet(movement) => movement.at,
        }
    }
}

/// What kind of movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ParkingMovementKind {
    /// Parking was sold.
    Sale,
    /// Some of a sale was given back.
    Refund {
        /// The movement of the sale.
        sale: Uuid,
    },
}

/// The stay that money was paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The session.
    pub session: Uuid,
    /// Whose, by the issuer's subject; absent for an operator's sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The operator that sold it, if it was not us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Where.
    pub zone: ZoneId,
    /// The class of vehicle, as tariffs name it.
    pub class: String,
    /// The right under which it parked, as tariffs name it.
    pub qualification: String,
    /// Electric or hydrogen.
    pub electric: bool,
    /// From: of the part that was paid or given back.
    pub start: DateTime<Utc>,
    /// Until.
    pub end: DateTime<Utc>,
}

impl ParkingMovement {
    /// The movement for the books.
    #[must_use]
    pub fn movement(&self) -> Movement {
        let (supply, gross, payer) = (self.supply, self.gross, self.payer.clone());
        match self.kind {
            ParkingMovementKind::Sale => Movement::Sale { supply, gross, payer },
            ParkingMovementKind::Refund { .. } => Movement::Refund { supply, gross, payer },
        }
    }
}
