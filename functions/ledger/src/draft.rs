//! A movement as a receipt or a credit note, before it has a number.

use chrono::NaiveDate;
use chrono_tz::Tz;
use parvis_ledger_rules::{
    Document, DocumentKind, DocumentLine, Draft, OUTSIDE_VAT, ParkingMovement, ParkingMovementKind, Payer, Settlement,
    Supply, means,
};
use parvis_money::{Language, MoneyError, VatRate};

use crate::state::House;

/// The document of a movement in a zone of this name; `None` when it has none: nothing was paid, or it stands on a monthly invoice.
///
/// # Errors
/// [`MoneyError`].
pub fn of(
    movement: &ParkingMovement,
    zone_name: &str,
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
        description: description(movement, zone_name, zone, Language::Fr),
        english: Some(description(movement, zone_name, zone, Language::En)),
        quantity: 1,
        gross: if sold { movement.gross } else { movement.gross.checked_neg()? },
        vat,
        no_vat_because,
    };
    let settlement = Settlement {
        on: local(movement.at).date_naive(),
        by: paid_by(&movement.payer).to_owned(),
        amount: movement.gross,
        // Under this the provider has what went back.
        reference: (!sold).then(|| movement.id.to_string()),
    };
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
        settlements: vec![settlement],
    }))
}

fn paid_by(payer: &Payer) -> &'static str {
    match payer {
        Payer::Provider => means::CARD,
        Payer::Wallet { .. } => means::WALLET,
        Payer::Invoice { .. } => means::INVOICE,
    }
}

/// `Stationnement Parking du Parvis, Zone B, 03/03/2026 10:00–11:00`: no plate.
fn description(movement: &ParkingMovement, zone_name: &str, zone: Tz, language: Language) -> String {
    let (start, end) = (movement.stay.start.with_timezone(&zone), movement.stay.end.with_timezone(&zone));
    let instant = language.pick("%d/%m/%Y %H:%M", "%-d %B %Y %H:%M");
    let until = if start.date_naive() == end.date_naive() { "%H:%M" } else { instant };
    let what = match movement.kind {
        ParkingMovementKind::Sale => language.pick("Stationnement", "Parking"),
        ParkingMovementKind::Refund { .. } => language.pick("Stationnement non utilisé", "Parking not used"),
    };
    format!("{what} {zone_name}, {}–{}", start.format(instant), end.format(until))
}
