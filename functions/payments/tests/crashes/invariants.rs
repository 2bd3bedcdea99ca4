//! What must be true, whatever has happened.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use parvis_events::parking_session::{ENDED, EXTENDED, STARTED, STOPPED, session_subject};
use parvis_ledger_rules::{Book, Chart, ParkingMovement, ParkingMovementKind, Piece};
use parvis_payments::provider::{REFERENCE, SESSION};
use parvis_payments::record::{ChargeState, RefundState, SessionRecord};
use parvis_rights::{AssignedRight, SessionState};
use parvis_stripe::IntentStatus;
use parvis_tariffs::QuoteRequest;
use uuid::Uuid;

use crate::world::{Stored, World};

/// What the provider has taken and given back, by session.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Till {
    taken: i64,
    given: i64,
}

fn tills(world: &World) -> BTreeMap<Uuid, Till> {
    let account = world.provider.account();
    let mut tills: BTreeMap<Uuid, Till> = BTreeMap::new();
    let mut paid = BTreeSet::new();
    for intent in account.intents().filter(|intent| intent.status == IntentStatus::Succeeded) {
        assert!(paid.insert(intent.metadata[REFERENCE].clone()), "charge {} is paid twice", intent.metadata[REFERENCE]);
        tills.entry(intent.metadata[SESSION].parse().unwrap()).or_default().taken += intent.amount;
    }
    let mut given = BTreeSet::new();
    for refund in account.refunds() {
        assert!(
            given.insert(refund.metadata[REFERENCE].clone()),
            "refund {} is given twice",
            refund.metadata[REFERENCE]
        );
        if refund.status.moves_money() {
            tills.entry(refund.metadata[SESSION].parse().unwrap()).or_default().given += refund.amount;
        }
    }
    tills
}

/// True at any moment: nobody has a right without a charge, and nobody's plate stands in a zone twice.
pub async fn always(world: &World) {
    always_of(world, &world.stored().await);
}

fn always_of(world: &World, stored: &Stored) {
    let tills = tills(world);
    let sessions = stored.sessions();
    let rights: Vec<AssignedRight> = stored.all("right");
    for right in &rights {
        let record = sessions.iter().find(|record| record.session.id == right.id).unwrap();
        let charged: i64 = succeeded(record);
        assert!(charged > 0, "right {} without a charge", right.id);
        assert!(tills[&right.id].taken >= charged, "right {} for {charged} that was never taken", right.id);
        assert_eq!(record.session.right().as_ref(), Some(right), "the right is the session's");
    }
    for (index, record) in sessions.iter().enumerate() {
        let others = sessions[index + 1..].iter().map(|other| &other.session);
        if record.session.state != SessionState::Failed {
            record.session.conflict(others).unwrap();
        }
    }
}

/// True when nothing is left to do.
pub async fn at_rest(world: &World) {
    let stored = world.stored().await;
    always_of(world, &stored);
    let tills = tills(world);
    let sessions = stored.sessions();
    let rights: Vec<AssignedRight> = stored.all("right");
    for record in &sessions {
        let id = record.session.id;
        let till = tills.get(&id).copied().unwrap_or_default();
        assert!(record.todo().is_empty(), "{record:?}");
        assert_eq!(till.taken, succeeded(record), "what is charged is known: {record:?}");
        let given: i64 = record.refunds.iter().map(|refund| refund.amount.cents).sum();
        assert!(record.refunds.iter().all(|refund| refund.state == RefundState::Done));
        assert_eq!(till.given, given, "what is given back is known: {record:?}");
        assert_eq!(till.taken - till.given, price(world, record), "what is kept is the price of the time: {record:?}");
        let has_right = rights.iter().any(|right| right.id == id);
        assert_eq!(has_right, till.taken - till.given > 0, "who has paid has a right, and nobody else: {record:?}");
    }
    for session in tills.keys() {
        assert!(sessions.iter().any(|record| record.session.id == *session), "{session} is paid and unknown");
    }
    books_balance(&stored, &tills);
    told_once(&sessions, &world.events().await);
}

/// Every step of a session that its driver is to hear of is told, once.
fn told_once(sessions: &[SessionRecord], events: &[(String, String)]) {
    for record in sessions {
        let subject = session_subject(&record.session.id.to_string());
        let count = |kind: &str| events.iter().filter(|event| event.0 == subject && event.1 == kind).count();
        let state = record.session.state;
        let lasted = usize::from(state != SessionState::Failed);
        assert_eq!(count(STARTED), lasted, "{record:?}");
        assert_eq!(count(EXTENDED), lasted * (record.session.segments.len() - 1), "{record:?}");
        assert_eq!(count(STOPPED), usize::from(state == SessionState::Stopped), "{record:?}");
        assert_eq!(count(ENDED), usize::from(state == SessionState::Ended), "{record:?}");
    }
}

fn succeeded(record: &SessionRecord) -> i64 {
    let paid = record.charges.iter().filter(|charge| charge.state == ChargeState::Succeeded);
    paid.map(|charge| charge.amount.cents).sum()
}

/// What the time that the session ran costs, asked of the tariff anew.
fn price(world: &World, record: &SessionRecord) -> i64 {
    let session = &record.session;
    let Some(bounds) = session.bounds().filter(|_| session.state != SessionState::Failed) else { return 0 };
    if bounds.start >= bounds.end {
        return 0;
    }
    let request = QuoteRequest {
        zone: &session.zone,
        holder: session.holder,
        start: bounds.start,
        end: bounds.end,
        previous: session.previous,
        demand: session.demand,
    };
    world.tariffs.quote(&request).unwrap().total.cents
}

/// The movements, taken twice and in the wrong order, make books that balance and say what the provider says.
fn books_balance(stored: &Stored, tills: &BTreeMap<Uuid, Till>) {
    let mut movements: Vec<ParkingMovement> = stored.all("movement");
    movements.sort_by_key(|movement| std::cmp::Reverse(movement.id));
    let chart = Chart::private_operator().unwrap();
    let mut book = Book::default();
    for movement in movements.iter().chain(movements.iter().rev()) {
        let date = date(movement.at);
        let piece = Piece { reference: movement.stay.session.to_string(), date };
        let entry = movement.movement().entry(&chart, movement.id, date, piece).unwrap().unwrap();
        book.post(entry).unwrap();
    }
    assert_eq!(book.entries().len(), movements.len(), "a movement counts once");
    let (mut debit, mut credit) = (0, 0);
    for balance in book.balances().values() {
        debit += balance.debit.cents;
        credit += balance.credit.cents;
    }
    assert_eq!(debit, credit);
    let net = book.net(&chart.provider).unwrap().map_or(0, |net| net.cents);
    let till: i64 = tills.values().map(|till| till.taken - till.given).sum();
    assert_eq!(net, till, "the account of the provider is what the provider has");
    for movement in &movements {
        if let ParkingMovementKind::Refund { sale } = movement.kind {
            assert!(movements.iter().any(|other| other.id == sale), "a refund without its sale");
        }
    }
}

fn date(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive()
}
