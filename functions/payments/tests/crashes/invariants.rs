//! What must be true, whatever has happened.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use parvis_events::parking_session::{ENDED, EXTENDED, STARTED, STOPPED, session_subject};
use parvis_ledger_rules::{Book, Chart, KeptMovement, ParkingMovementKind, Piece};
use parvis_payments::provider::{REFERENCE, SESSION};
use parvis_payments::record::{Charge, ChargeState, Refund, RefundState, SessionRecord, Source, TopUp};
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
        assert!(succeeded(record) > 0, "right {} without a charge", right.id);
        let by_card = succeeded_by(record, is_card);
        let taken = tills.get(&right.id).map_or(0, |till| till.taken);
        assert!(taken >= by_card, "right {} for {by_card} that was never taken", right.id);
        assert_eq!(record.session.right().as_ref(), Some(right), "the right is the session's");
    }
    assert!(stored.wallets() >= 0, "a wallet that owes");
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
        assert_eq!(till.taken, succeeded_by(record, is_card), "what is charged is known: {record:?}");
        let given = given_back(record, is_card);
        assert!(record.refunds.iter().all(|refund| refund.state == RefundState::Done));
        assert_eq!(till.given, given, "what is given back is known: {record:?}");
        let kept = succeeded(record) - given_back(record, |_| true);
        assert_eq!(kept, price(world, record), "what is kept is the price of the time: {record:?}");
        let has_right = rights.iter().any(|right| right.id == id);
        assert_eq!(has_right, kept > 0, "who has paid has a right, and nobody else: {record:?}");
    }
    let top_ups = stored.top_ups();
    for id in tills.keys() {
        let known = sessions.iter().any(|record| record.session.id == *id) || top_ups.iter().any(|one| one.id == *id);
        assert!(known, "{id} is paid and unknown");
    }
    wallets_add_up(&stored, &sessions, &top_ups, &tills);
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

/// What is in the wallets is what was put in, less what was paid from them, plus what came back.
fn wallets_add_up(stored: &Stored, sessions: &[SessionRecord], top_ups: &[TopUp], tills: &BTreeMap<Uuid, Till>) {
    for top_up in top_ups {
        let taken = tills.get(&top_up.id).map_or(0, |till| till.taken);
        let known = if top_up.state == ChargeState::Succeeded { top_up.amount.cents } else { 0 };
        assert_eq!(taken, known, "{top_up:?}");
        let given = tills.get(&top_up.id).map_or(0, |till| till.given);
        assert!(!top_up.refunds.iter().any(Refund::is_owed), "{top_up:?}");
        assert_eq!(given, top_up.given(), "{top_up:?}");
        assert!(given <= known, "{top_up:?}");
    }
    let put_in: i64 = top_ups.iter().filter_map(|one| tills.get(&one.id)).map(|till| till.taken - till.given).sum();
    let spent: i64 = sessions.iter().map(|record| succeeded_by(record, is_wallet)).sum();
    let back: i64 = sessions.iter().map(|record| given_back(record, is_wallet)).sum();
    assert_eq!(stored.wallets(), put_in - spent + back);
}

fn is_card(charge: &Charge) -> bool {
    matches!(charge.source, Source::Card { .. })
}

fn is_wallet(charge: &Charge) -> bool {
    matches!(charge.source, Source::Wallet { .. })
}

fn succeeded(record: &SessionRecord) -> i64 {
    succeeded_by(record, |_| true)
}

fn succeeded_by(record: &SessionRecord, by: impl Fn(&Charge) -> bool) -> i64 {
    let paid = record.charges.iter().filter(|charge| charge.state == ChargeState::Succeeded && by(charge));
    paid.map(|charge| charge.amount.cents).sum()
}

fn given_back(record: &SessionRecord, by: impl Fn(&Charge) -> bool) -> i64 {
    let of = |refund: &&Refund| by(record.charge(refund.charge).unwrap());
    record.refunds.iter().filter(of).map(|refund| refund.amount.cents).sum()
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
    let mut movements: Vec<KeptMovement> = stored.all("movement");
    movements.sort_by_key(|movement| std::cmp::Reverse(movement.id()));
    let chart = Chart::private_operator().unwrap();
    let mut book = Book::default();
    for movement in movements.iter().chain(movements.iter().rev()) {
        let date = date(movement.at());
        let piece = Piece { reference: movement.id().to_string(), date };
        let booked = match movement {
            KeptMovement::Parking(movement) => movement.movement(),
            KeptMovement::Wallet(movement) => movement.movement(),
        };
        let entry = booked.entry(&chart, movement.id(), date, piece).unwrap().unwrap();
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
    let wallets = book.net(&chart.wallets).unwrap().map_or(0, |net| net.cents);
    assert_eq!(-wallets, stored.wallets(), "what the books owe the wallets is what they hold");
    for movement in &movements {
        if let KeptMovement::Parking(movement) = movement
            && let ParkingMovementKind::Refund { sale } = movement.kind
        {
            assert!(movements.iter().any(|other| other.id() == sale), "a refund without its sale");
        }
    }
}

fn date(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive()
}
