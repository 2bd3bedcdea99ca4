//! Documents to look at and to test with.

#![expect(clippy::unwrap_used, reason = "a specimen that cannot be made is a fault of this file")]

use chrono::NaiveDate;
use parvis_ledger_rules::{Buyer, Document, DocumentKind, DocumentLine, Draft, PaymentTerms, Seller, Settlement};
use parvis_money::{Currency, Money};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn line(description: String, cents: i64, vat: u32) -> DocumentLine {
    let no_vat_because = (vat == 0).then(|| "redevance hors du champ d'application de la TVA".to_owned());
    DocumentLine {
        description,
        english: None,
        quantity: 1,
        gross: Money::eur(cents),
        vat: vat.try_into().unwrap(),
        no_vat_because,
    }
}

fn seller() -> Seller {
    Seller {
        name: "Parvis Stationnement".into(),
        legal_form: "SAS au capital de 10 000 EUR".into(),
        address: vec!["1 place de la Comédie".into(), "34000 Montpellier".into()],
        siren: "356000000".into(),
        register: "RCS Montpellier 356 000 000".into(),
        vat_number: Some("FR39356000000".into()),
    }
}

/// A receipt of a stay on the street, whose fee has no VAT.
pub fn receipt() -> Document {
    let draft = Draft {
        kind: DocumentKind::Receipt,
        issued_on: day("2026-03-02"),
        supplied_from: day("2026-03-02"),
        supplied_to: day("2026-03-02"),
        currency: Currency::Eur,
        seller: seller(),
        buyer: None,
        lines: vec![line("Stationnement Paris 1, 02/03/2026 09:00–11:00, véhicule ••• 123 •••".into(), 1200, 0)],
        terms: None,
        settlements: vec![Settlement {
            on: day("2026-03-02"),
            by: "carte bancaire".into(),
            amount: Money::eur(1200),
            reference: None,
        }],
    };
    draft.issue("R-2026-000042".parse().unwrap()).unwrap()
}

/// An invoice with this many lines.
pub fn invoice(lines: usize) -> Document {
    let description = |index: usize| match index % 3 {
        0 => format!("Parking Comédie, stationnement du {:02}/03/2026, 08:00–18:00", index % 28 + 1),
        1 => "Parking Foch : abonnement <nuit & week-end>, accès par lecture de plaque, deux véhicules dont un actif"
            .to_owned(),
        _ => "Voirie zone 1".to_owned(),
    };
    let rate = |index: usize| if index % 3 == 2 { 0 } else { 2000 };
    let lines = (0..lines).map(|index| line(description(index), 123_456 / (1 + index as i64), rate(index))).collect();
    let draft = Draft {
        kind: DocumentKind::Invoice,
        issued_on: day("2026-03-31"),
        supplied_from: day("2026-03-01"),
        supplied_to: day("2026-03-31"),
        currency: Currency::Eur,
        seller: seller(),
        buyer: Some(Buyer {
            name: "Boulangerie Œuvre & Fils".into(),
            address: vec!["2 rue Foch".into(), "34000 Montpellier".into()],
            professional: true,
            siren: Some("732829320".into()),
        }),
        lines,
        terms: Some(PaymentTerms {
            due_on: day("2026-04-30"),
            early_payment: "néant".into(),
            late_penalties: "trois fois le taux d'intérêt légal".into(),
            recovery_compensation: Money::eur(4000),
        }),
        settlements: vec![],
    };
    draft.issue("F-2026-000007".parse().unwrap()).unwrap()
}

/// The credit note of a document.
pub fn credit_note(document: &Document, on: NaiveDate) -> Document {
    document.credit(on).unwrap().issue("A-2026-000001".parse().unwrap()).unwrap()
}
