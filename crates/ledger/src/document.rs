//! Receipts, invoices and credit notes, with what French law wants on them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use parvis_money::{Currency, Money, MoneyError, VatRate, VatSplit};
use serde::{Deserialize, Serialize};

use crate::number::{DocumentNumber, Series};

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DocumentKind {
    /// Proof of a payment by whoever parked.
    Receipt,
    /// An invoice to a named buyer.
    Invoice,
    /// A credit note, which takes back an earlier document in whole or in part.
    CreditNote {
        /// The document it corrects.
        corrects: DocumentNumber,
    },
}

impl DocumentKind {
    /// The series of its numbers.
    #[must_use]
    pub fn series(&self) -> Series {
        match self {
            Self::Receipt => Series::Receipt,
            Self::Invoice => Series::Invoice,
            Self::CreditNote { .. } => Series::CreditNote,
        }
    }
}

/// Who sells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seller {
    /// Name or company name.
    pub name: String,
    /// Legal form and capital: `SAS au capital de 10 000 EUR`; empty for a city.
    #[serde(default)]
    pub legal_form: String,
    /// Address lines.
    pub address: Vec<String>,
    /// SIREN, nine digits.
    pub siren: String,
    /// Register: `RCS Montpellier 123 456 789`; empty for a city.
    #[serde(default)]
    pub register: String,
    /// VAT number; absent for who is outside VAT.
    #[serde(default)]
    pub vat_number: Option<String>,
}

/// Who buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// Name.
    pub name: String,
    /// Address lines.
    pub address: Vec<String>,
    /// A professional: terms of payment are compulsory.
    #[serde(default)]
    pub professional: bool,
    /// SIREN of a professional established in France.
    #[serde(default)]
    pub siren: Option<String>,
}

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// What it is, in French.
    pub description: String,
    /// The same in English, where it has been written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub english: Option<String>,
    /// How many.
    pub quantity: u32,
    /// The price of the whole line, VAT included. Below zero on a credit note.
    pub gross: Money,
    /// The rate of VAT.
    pub vat: VatRate,
    /// Why there is no VAT, when there is none: `hors du champ d'application de la TVA`.
    #[serde(default)]
    pub no_vat_because: Option<String>,
}

/// When and how an invoice is to be paid (code de commerce L441-9, L441-10, D441-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTerms {
    /// The last day.
    pub due_on: NaiveDate,
    /// Discount for early payment, in words: `néant`.
    pub early_payment: String,
    /// Penalties for late payment, in words.
    pub late_penalties: String,
    /// Fixed compensation for costs of recovery; from configuration, for it is set by decree.
    pub recovery_compensation: Money,
}

/// By what documents are paid.
pub mod means {
    /// By card.
    pub const CARD: &str = "carte bancaire";
    /// From a wallet.
    pub const WALLET: &str = "porte-monnaie";
    /// On an invoice.
    pub const INVOICE: &str = "facture";
}

/// Why the street has no VAT (BOFiP, BOI-TVA-CHAMP-10-20-10-10).
pub const OUTSIDE_VAT: &str = "redevance de stationnement sur voirie hors du champ d'application de la TVA";

/// How it was paid; on a credit note, how the money went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// On.
    pub on: NaiveDate,
    /// By what, in French: one of [`means`].
    pub by: String,
    /// How much.
    pub amount: Money,
    /// Under which reference, of money that went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A document before it has a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What it is.
    #[serde(flatten)]
    pub kind: DocumentKind,
    /// Its date.
    pub issued_on: NaiveDate,
    /// First day of the supply.
    pub supplied_from: NaiveDate,
    /// Last day of the supply.
    pub supplied_to: NaiveDate,
    /// The currency.
    pub currency: Currency,
    /// Who sells.
    pub seller: Seller,
    /// Who buys; a receipt may go without.
    pub buyer: Option<Buyer>,
    /// What.
    pub lines: Vec<DocumentLine>,
    /// When and how to pay.
    pub terms: Option<PaymentTerms>,
    /// How it was paid, or went back.
    pub settlements: Vec<Settlement>,
}

/// Something that a document lacks, or that contradicts its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A compulsory mention is missing.
    #[error("missing: {0}")]
    Missing(&'static str),
    /// A line's sign is not that of its document.
    #[error("line {0}: an amount below zero belongs on a credit note, and only there")]
    Sign(usize),
    /// A line without VAT that does not say why.
    #[error("line {0}: without VAT and without a reason")]
    NoVatReason(usize),
    /// The SIREN is not nine digits with a valid check digit.
    #[error("`{0}` is not a SIREN")]
    Siren(String),
    /// The supply ends before it begins, or the payment is due before the document.
    #[error("dates in the wrong order: {0}")]
    Dates(&'static str),
    /// The number is of another series or year.
    #[error("{0} is not a number for this document")]
    Number(DocumentNumber),
    /// Two currencies, or an amount beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// A document with its number; complete, for there is no way to make another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    number: DocumentNumber,
    #[serde(flatten)]
    draft: Draft,
    vat: Vec<VatSplit>,
    line_nets: Vec<Money>,
    net: Money,
    tax: Money,
    gross: Money,
}

/// A stored document is checked, and its sums are computed, as those of a new one.
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            number: DocumentNumber,
            #[serde(flatten)]
            draft: Draft,
        }
        let raw = Raw::deserialize(deserializer)?;
        raw.draft.issue(raw.number).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(faults.join("; "))
        })
    }
}

impl Draft {
    /// Everything that hinders the document from being issued.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.seller_faults(&mut faults);
        self.buyer_faults(&mut faults);
        self.line_faults(&mut faults);
        if self.supplied_to < self.supplied_from {
            faults.push(Fault::Dates("the supply ends before it begins"));
        }
        if self.terms.as_ref().is_some_and(|terms| terms.due_on < self.issued_on) {
            faults.push(Fault::Dates("the payment is due before the document"));
        }
        faults
    }

    fn seller_faults(&self, faults: &mut Vec<Fault>) {
        let seller = &self.seller;
        if seller.name.trim().is_empty() {
            faults.push(Fault::Missing("the seller's name"));
        }
        if seller.address.iter().all(|line| line.trim().is_empty()) {
            faults.push(Fault::Missing("the seller's address"));
        }
        if !is_siren(&seller.siren) {
            faults.push(Fault::Siren(seller.siren.clone()));
        }
        let taxed = self.lines.iter().any(|line| line.vat > VatRate::ZERO);
        if taxed && seller.vat_number.as_ref().is_none_or(|number| number.trim().is_empty()) {
            faults.push(Fault::Missing("the seller's VAT number"));
        }
    }

    fn buyer_faults(&self, faults: &mut Vec<Fault>) {
        let named = self.kind == DocumentKind::Invoice;
        match &self.buyer {
            None if named => faults.push(Fault::Missing("the buyer")),
            Some(buyer) => {
                if buyer.name.trim().is_empty() {
                    faults.push(Fault::Missing("the buyer's name"));
                }
                if named && buyer.address.iter().all(|line| line.trim().is_empty()) {
                    faults.push(Fault::Missing("the buyer's address"));
                }
                if let Some(siren) = buyer.siren.as_ref().filter(|siren| !is_siren(siren)) {
                    faults.push(Fault::Siren(siren.clone()));
                }
                if named && buyer.professional && self.terms.is_none() {
                    faults.push(Fault::Missing("the terms of payment"));
                }
            }
            None => {}
        }
    }

    fn line_faults(&self, faults: &mut Vec<Fault>) {
        if self.lines.is_empty() {
            faults.push(Fault::Missing("a line"));
        }
        let credit = matches!(self.kind, DocumentKind::CreditNote { .. });
        for (index, line) in self.lines.iter().enumerate() {
            if line.description.trim().is_empty() {
                faults.push(Fault::Missing("a line's description"));
            }
            if line.gross.is_negative() != credit && !line.gross.is_zero() {
                faults.push(Fault::Sign(index));
            }
            if line.vat == VatRate::ZERO && line.no_vat_because.as_ref().is_none_or(|why| why.trim().is_empty()) {
                faults.push(Fault::NoVatReason(index));
            }
        }
    }

    /// Sums per rate of VAT, the lowest rate first.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn vat_totals(&self) -> Result<Vec<VatSplit>, MoneyError> {
        let mut gross: BTreeMap<VatRate, Money> = BTreeMap::new();
        for line in &self.lines {
            let sum = gross.get(&line.vat).copied().unwrap_or(Money::zero(self.currency));
            gross.insert(line.vat, sum.checked_add(line.gross)?);
        }
        gross.into_iter().map(|(rate, gross)| rate.of_gross(gross)).collect()
    }

    /// The net amount of each line: a rate's net sum shared among its lines, so that the column adds up to the cent.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn line_nets(&self) -> Result<Vec<Money>, MoneyError> {
        let mut nets = vec![Money::zero(self.currency); self.lines.len()];
        for total in self.vat_totals()? {
            let of_rate: Vec<usize> = (0..nets.len()).filter(|index| self.lines[*index].vat == total.rate).collect();
            let weights: Vec<u64> = of_rate.iter().map(|index| self.lines[*index].gross.cents.unsigned_abs()).collect();
            // Lines that are all free of charge have nothing to share.
            if total.gross.is_zero() {
                continue;
            }
            for (index, net) in of_rate.into_iter().zip(total.net.allocate(&weights)?) {
                nets[index] = net;
            }
        }
        Ok(nets)
    }

    /// Gives the document its number.
    ///
    /// # Errors
    /// Every [`Fault`].
    pub fn issue(self, number: DocumentNumber) -> Result<Document, Vec<Fault>> {
        use chrono::Datelike;
        let mut faults = self.faults();
        if (number.series, number.year) != (self.kind.series(), self.issued_on.year()) {
            faults.push(Fault::Number(number));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        self.totalled(number).map_err(|error| vec![Fault::Money(error)])
    }

    fn totalled(self, number: DocumentNumber) -> Result<Document, MoneyError> {
        let vat = self.vat_totals()?;
        let net = Money::sum(self.currency, vat.iter().map(|total| total.net))?;
        let tax = Money::sum(self.currency, vat.iter().map(|total| total.vat))?;
        let gross = net.checked_add(tax)?;
        let line_nets = self.line_nets()?;
        Ok(Document { number, draft: self, vat, line_nets, net, tax, gross })
    }
}

impl Document {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> DocumentNumber {
        self.number
    }

    /// Its content.
    #[must_use]
    pub fn content(&self) -> &Draft {
        &self.draft
    }

    /// VAT per rate.
    #[must_use]
    pub fn vat(&self) -> &[VatSplit] {
        &self.vat
    }

    /// The net amount of each line.
    #[must_use]
    pub fn line_nets(&self) -> &[Money] {
        &self.line_nets
    }

    /// Total without VAT (total HT).
    #[must_use]
    pub fn net(&self) -> Money {
        self.net
    }

    /// Total of VAT.
    #[must_use]
    pub fn tax(&self) -> Money {
        self.tax
    }

    /// Total with VAT (total TTC).
    #[must_use]
    pub fn gross(&self) -> Money {
        self.gross
    }

    /// The credit note that takes back everything, not yet numbered.
    ///
    /// # Errors
    /// [`MoneyError`].
    pub fn credit(&self, issued_on: NaiveDate) -> Result<Draft, MoneyError> {
        let lines =
            self.draft.lines.iter().map(|line| Ok(DocumentLine { gross: line.gross.checked_neg()?, ..line.clone() }));
        Ok(Draft {
            kind: DocumentKind::CreditNote { corrects: self.number },
            issued_on,
            lines: lines.collect::<Result<_, MoneyError>>()?,
            terms: None,
            settlements: Vec::new(),
            ..self.draft.clone()
        })
    }
}

/// Nine digits whose Luhn sum is a multiple of ten.
fn is_siren(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let luhn = digits.iter().rev().enumerate().map(|(index, digit)| match index % 2 {
        0 => *digit,
        _ => (digit * 2) / 10 + (digit * 2) % 10,
    });
    digits.len() == 9 && text.len() == 9 && luhn.sum::<u32>().is_multiple_of(10)
}
