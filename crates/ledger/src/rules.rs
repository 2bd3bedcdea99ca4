//! What happens with money, as entries.

use chrono::NaiveDate;
use parvis_money::{Money, MoneyError, VatRate, VatSplit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Chart;
use crate::entry::{Auxiliary, Entry, EntryError, EntryLine, Journal, Piece};

/// What was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "supply", rename_all = "snake_case")]
pub enum Supply {
    /// Parking in a car park, with VAT.
    CarPark {
        /// The rate.
        vat: VatRate,
    },
    /// The fee for parking on the street (redevance): outside VAT.
    Street,
}

impl Supply {
    fn vat(self) -> VatRate {
        match self {
            Self::CarPark { vat } => vat,
            Self::Street => VatRate::ZERO,
        }
    }
}

/// Who pays, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "payer", rename_all = "snake_case")]
pub enum Payer {
    /// By card through the payment provider.
    Provider,
    /// From a wallet.
    Wallet {
        /// Whose.
        customer: Auxiliary,
    },
    /// By monthly invoice.
    Invoice {
        /// To whom.
        customer: Auxiliary,
    },
}

/// A movement of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "movement", rename_all = "snake_case")]
pub enum Movement {
    /// Parking was sold.
    Sale {
        /// What.
        #[serde(flatten)]
        supply: Supply,
        /// The price, VAT included.
        gross: Money,
        /// Who pays.
        #[serde(flatten)]
        payer: Payer,
    },
    /// Parking was given back, all or in part.
    Refund {
        /// What.
        #[serde(flatten)]
        supply: Supply,
        /// What goes back, VAT included.
        gross: Money,
        /// To whom.
        #[serde(flatten)]
        payer: Payer,
    },
    /// Money was put into a wallet.
    TopUp {
        /// How much.
        amount: Money,
        /// Whose wallet.
        customer: Auxiliary,
    },
    /// Money of a wallet went back to its owner.
    PayBack {
        /// How much.
        amount: Money,
        /// Whose wallet.
        customer: Auxiliary,
    },
    /// What had gone back to the owner of a wallet was returned by the bank, and is in the wallet again.
    Returned {
        /// How much.
        amount: Money,
        /// Whose wallet.
        customer: Auxiliary,
    },
    /// Money of a wallet was given back to its owner by hand, from the bank account.
    PayByHand {
        /// How much.
        amount: Money,
        /// Whose wallet.
        customer: Auxiliary,
    },
    /// A monthly invoice was paid.
    Settlement {
        /// How much.
        amount: Money,
        /// By whom.
        customer: Auxiliary,
    },
    /// The provider paid out.
    Payout {
        /// What it had received.
        gross: Money,
        /// What it kept.
        fees: Money,
    },
}

/// Why a movement has no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MovementError {
    /// The entry would not be one.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An amount beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Movement {
    /// The movement as an entry; `None` when nothing moves (free parking).
    ///
    /// # Errors
    /// [`MovementError`], also for negative amounts.
    pub fn entry(
        &self,
        chart: &Chart,
        id: Uuid,
        date: NaiveDate,
        piece: Piece,
    ) -> Result<Option<Entry>, MovementError> {
        let (journal, label, lines) = match self {
            Self::Sale { supply, gross, payer } => {
                (Journal::Sales, "Stationnement", sale_lines(chart, *supply, *gross, payer)?)
            }
            Self::Refund { supply, gross, payer } => {
                (Journal::Sales, "Remboursement stationnement", swapped(sale_lines(chart, *supply, *gross, payer)?))
            }
            Self::TopUp { amount, customer } => {
                (Journal::Treasury, "Approvisionnement porte-monnaie", top_up_lines(chart, *amount, customer))
            }
            Self::PayBack { amount, customer } => {
                (Journal::Treasury, "Remboursement porte-monnaie", swapped(top_up_lines(chart, *amount, customer)))
            }
            Self::Returned { amount, customer } => {
                (Journal::Treasury, "Retour remboursement porte-monnaie", top_up_lines(chart, *amount, customer))
            }
            Self::PayByHand { amount, customer } => {
                let debit = EntryLine::debit(&chart.wallets, *amount).about(Some(customer.clone()));
                (Journal::Treasury, "Virement porte-monnaie", vec![debit, EntryLine::credit(&chart.bank, *amount)])
            }
            Self::Settlement { amount, customer } => {
                let credit = EntryLine::credit(&chart.customers, *amount).about(Some(customer.clone()));
                (Journal::Treasury, "Règlement facture", vec![EntryLine::debit(&chart.provider, *amount), credit])
            }
            Self::Payout { gross, fees } => {
                (Journal::Treasury, "Versement prestataire", payout_lines(chart, *gross, *fees)?)
            }
        };
        // What is nothing is not written; what is negative is refused by the entry.
        let lines: Vec<EntryLine> = lines.into_iter().filter(|line| !line.amount.is_zero()).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        Ok(Some(Entry::new(id, journal, date, piece, label, lines)?))
    }
}

fn sale_lines(chart: &Chart, supply: Supply, gross: Money, payer: &Payer) -> Result<Vec<EntryLine>, MoneyError> {
    let VatSplit { net, vat, .. } = supply.vat().of_gross(gross)?;
    let sales = match supply {
        Supply::CarPark { .. } => &chart.parking_sales,
        Supply::Street => &chart.street_fees,
    };
    let paid = match payer {
        Payer::Provider => EntryLine::debit(&chart.provider, gross),
        Payer::Wallet { customer } => EntryLine::debit(&chart.wallets, gross).about(Some(customer.clone())),
        Payer::Invoice { customer } => EntryLine::debit(&chart.customers, gross).about(Some(customer.clone())),
    };
    Ok(vec![paid, EntryLine::credit(sales, net), EntryLine::credit(&chart.vat_collected, vat)])
}

fn top_up_lines(chart: &Chart, amount: Money, customer: &Auxiliary) -> Vec<EntryLine> {
    let credit = EntryLine::credit(&chart.wallets, amount).about(Some(customer.clone()));
    vec![EntryLine::debit(&chart.provider, amount), credit]
}

fn payout_lines(chart: &Chart, gross: Money, fees: Money) -> Result<Vec<EntryLine>, MoneyError> {
    let received = gross.checked_sub(fees)?;
    Ok(vec![
        EntryLine::debit(&chart.bank, received),
        EntryLine::debit(&chart.provider_fees, fees),
        EntryLine::credit(&chart.provider, gross),
    ])
}

fn swapped(lines: Vec<EntryLine>) -> Vec<EntryLine> {
    lines.into_iter().map(|line| EntryLine { side: line.side.opposite(), ..line }).collect()
}
