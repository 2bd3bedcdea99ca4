//! A movement as a receipt or a credit note, before it has a number.

use chrono::NaiveDate;
use chrono_tz::Tz;
use parvis_ledger_rules::{
    Document, DocumentKind, DocumentLine, Draft, ParkingMovement, ParkingMovementKind, Payer, Settlement, Supply,
};
use parvis_money::{MoneyError, VatRate};

use crate::state::House;

/// Why the street has no VAT (BOFiP, BOI-TVA-CHAMP-10-20-10-10).
const OUTSIDE_VAT: &str = "redevance de stationnement sur voirie hors du champ d'application de la TVA";

/// The document of a movement; `None` when it has none: nothing was paid, or it stands on a monthly invoice.
///
/// # Errors
/// [`MoneyError`].
pub fn of(
    movement: &ParkingMovement,
    corrects: Option<&Document>,
    house: &House,
    issued_on: NaiveDate,
) -> Result<Option<Draft>, MoneyError> {
    if movement.gross.is_zero() || matches!(movement.payer, Payer::Invoice { .. }) {
        return Ok(None);
    }
    let kind = match (movement.kind, corrects) {
        (ParkingMovementKind::Sale, _) => DocumentKind::Receipt,
        (ParkingMovementKind::Refund { .. }, Some(receipt)) => DocumentKind::CreditNote { corrects: receipt.number() },
        (ParkingMovementKind::Refund { .. }, None) => return Ok(None),
    };
    let sold = kind == DocumentKind::Receipt;
    let zone = house.timezone;
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone);
    let (vat, no_vat_because) = match movement.supply {
        Supply::CarPark { vat } => (vat, None),
        Supply::Street => (VatRate::ZERO, Some(OUTSIDE_VAT.to_owned())),
    };
    let line = DocumentLine {
        description: description(movement, zone),
        quantity: 1,
        gross: if sold { movement.gross } else { movement.gross.checked_neg()? },
        vat,
        no_vat_because,
    };
    let settlement =
        Settlement { on: local(movement.at).date_naive(), by: paid_by(&movement.payer), amount: movement.gross };
    Ok(Some(Draft {
        kind,
        issued_on,
        supplied_from: local(movement.stay.start).date_naive(),
        supplied_to: local(movement.stay.end).date_naive(),
        currency: movement.gross.currency,
        seller: house.seller.clone(),
        buyer: None,
        lines: vec![line],
        terms: None,
        settlements: if sold { vec![settlement] } else { Vec::new() },
    }))
}

fn paid_by(payer: &Payer) -> String {
    match payer {
        Payer::Provider => "carte bancaire",
        Payer::Wallet { .. } => "porte-monnaie",
        Payer::Invoice { .. } => "facture",
    }
    .to_owned()
}

/// `Stationnement Zone_B, 03/03/2026 10:00–11:00`: no plate.
fn description(movement: &ParkingMovement, zone: Tz) -> String {
    let (start, end) = (movement.stay.start.with_timezone(&zone), movement.stay.end.with_timezone(&zone));
    let until = if start.date_naive() == end.date_naive() { "%H:%M" } else { "%d/%m/%Y %H:%M" };
    let what = match movement.kind {
        ParkingMovementKind::Sale => "Stationnement",
        ParkingMovementKind::Refund { .. } => "Stationnement non utilisé",
    };
    format!("{what} {}, {}–{}", movement.stay.zone, start.format("%d/%m/%Y %H:%M"), end.format(until))
}
