//! The books balance whatever happens, numbers have no gaps, documents are complete, exports follow their forms.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::NaiveDate;
use parvis_ledger_rules::{
    Auxiliary, Book, Buyer, Chart, Counter, Document, DocumentKind, DocumentLine, DocumentNumber, Draft, Entry,
    EntryError, EntryLine, Fault, FecWriter, Gap, Journal, Movement, NumberError, Payer, PaymentTerms, Piece,
    PostError, Posted, Seller, Series, Settlement, Supply, Validated, fec_file_name, gaps, write_csv,
};
use parvis_money::{Currency, Money, VatRate};
use proptest::prelude::*;
use uuid::Uuid;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn chart() -> Chart {
    Chart::private_operator().unwrap()
}

fn vat() -> VatRate {
    2000.try_into().unwrap()
}

fn piece(reference: &str) -> Piece {
    Piece { reference: reference.into(), date: day("2026-03-02") }
}

fn customer() -> Auxiliary {
    Auxiliary { number: "C001".into(), label: "Boulangerie".into() }
}

fn entry(id: u128, movement: &Movement) -> Option<Entry> {
    movement.entry(&chart(), Uuid::from_u128(id), day("2026-03-02"), piece("R-2026-000001")).unwrap()
}

fn sale(cents: i64) -> Movement {
    Movement::Sale { supply: Supply::CarPark { vat: vat() }, gross: Money::eur(cents), payer: Payer::Provider }
}

fn lines(entry: &Entry) -> Vec<(&str, i64)> {
    let signed = |line: &EntryLine| match line.side {
        parvis_ledger_rules::Side::Debit => line.amount.cents,
        parvis_ledger_rules::Side::Credit => -line.amount.cents,
    };
    entry.lines().iter().map(|line| (line.account.number.as_str(), signed(line))).collect()
}

#[test]
fn movements_become_entries() {
    let eur = Money::eur;
    let street =
        Movement::Sale { supply: Supply::Street, gross: eur(300), payer: Payer::Wallet { customer: customer() } };
    let invoiced = Movement::Sale {
        supply: Supply::CarPark { vat: vat() },
        gross: eur(1200),
        payer: Payer::Invoice { customer: customer() },
    };
    let refund = Movement::Refund { supply: Supply::CarPark { vat: vat() }, gross: eur(320), payer: Payer::Provider };
    let cases: [(Movement, &[(&str, i64)]); 10] = [
        // 3.20 / 1.2 = 2.67
        (sale(320), &[("511700", 320), ("706000", -267), ("445710", -53)]),
        (refund, &[("511700", -320), ("706000", 267), ("445710", 53)]),
        // Outside VAT: no line for it
        (street, &[("419100", 300), ("706100", -300)]),
        (invoiced, &[("411000", 1200), ("706000", -1000), ("445710", -200)]),
        (Movement::TopUp { amount: eur(2000), customer: customer() }, &[("511700", 2000), ("419100", -2000)]),
        (Movement::PayBack { amount: eur(700), customer: customer() }, &[("511700", -700), ("419100", 700)]),
        (Movement::PayByHand { amount: eur(300), customer: customer() }, &[("419100", 300), ("512000", -300)]),
        (Movement::Returned { amount: eur(700), customer: customer() }, &[("511700", 700), ("419100", -700)]),
        (Movement::Settlement { amount: eur(1200), customer: customer() }, &[("511700", 1200), ("411000", -1200)]),
        (Movement::Payout { gross: eur(1000), fees: eur(35) }, &[("512000", 965), ("627800", 35), ("511700", -1000)]),
    ];
    for (movement, expected) in cases {
        assert_eq!(lines(&entry(1, &movement).unwrap()), expected, "{movement:?}");
    }
    assert_eq!(entry(1, &sale(0)), None, "free parking moves nothing");
    let negative = sale(-1).entry(&chart(), Uuid::nil(), day("2026-03-02"), piece("R"));
    assert!(negative.is_err());
}

#[test]
fn what_does_not_balance_is_no_entry() {
    let chart = chart();
    let debit = |cents| EntryLine::debit(&chart.bank, Money::eur(cents));
    let credit = |money| EntryLine::credit(&chart.provider, money);
    let new = |lines| Entry::new(Uuid::nil(), Journal::Treasury, day("2026-03-02"), piece("X"), "x", lines);
    assert_eq!(new(vec![]), Err(EntryError::TooFewLines));
    assert_eq!(new(vec![debit(1)]), Err(EntryError::TooFewLines));
    assert_eq!(new(vec![debit(0), credit(Money::eur(0))]), Err(EntryError::NotPositive(Money::eur(0))));
    assert!(matches!(new(vec![debit(2), credit(Money::eur(1))]), Err(EntryError::Unbalanced { .. })));
    assert!(matches!(new(vec![debit(1), credit(Money::new(1, Currency::Chf))]), Err(EntryError::Money(_))));
    // Nor from storage.
    let good = entry(1, &sale(320)).unwrap();
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), good);
    assert!(serde_json::from_str::<Entry>(&json.replace("267", "266")).is_err());
}

#[test]
fn an_event_that_comes_twice_is_one_entry() {
    let mut book = Book::default();
    assert_eq!(book.post(entry(1, &sale(320)).unwrap()), Ok(Posted::New));
    assert_eq!(book.post(entry(1, &sale(320)).unwrap()), Ok(Posted::Known));
    assert_eq!(book.post(entry(1, &sale(321)).unwrap()), Err(PostError::Conflict(Uuid::from_u128(1))));
    assert_eq!((book.entries().len(), book.net(&chart().provider)), (1, Ok(Some(Money::eur(320)))));
}

#[test]
fn a_reversal_leaves_nothing() {
    let mut book = Book::default();
    let first = entry(1, &sale(320)).unwrap();
    let back = first.reversed(Uuid::from_u128(2), day("2026-03-03"), piece("A-2026-000001"), "Annulation");
    book.post(first).unwrap();
    book.post(back).unwrap();
    assert!(book.balances().values().all(|balance| balance.net().unwrap().is_zero()));
}

#[test]
fn numbers_have_no_gaps_and_follow_dates() {
    let mut counter = Counter::new(Series::Invoice);
    let next = |counter: &mut Counter, date| counter.next(day(date)).map(|number| number.to_string());
    assert_eq!(next(&mut counter, "2026-12-30").unwrap(), "F-2026-000001");
    assert_eq!(next(&mut counter, "2026-12-31").unwrap(), "F-2026-000002");
    assert!(matches!(next(&mut counter, "2026-12-30"), Err(NumberError::BackInTime { .. })));
    assert_eq!(next(&mut counter, "2027-01-01").unwrap(), "F-2027-000001");
    assert!(matches!(next(&mut counter, "2026-12-31"), Err(NumberError::BackInTime { .. })));
    for bad in ["F-2026-1", "X-2026-000001", "F-2026-000000", "F-2026-+00001", "F-2026-000001-1", ""] {
        assert!(bad.parse::<DocumentNumber>().is_err(), "{bad}");
    }
    let number = |text: &str| text.parse::<DocumentNumber>().unwrap();
    let found = gaps(&["F-2026-000005", "F-2026-000001", "F-2027-000002", "A-2026-000001"].map(number));
    let expected = [("F-2026-000002", "F-2026-000004"), ("F-2027-000001", "F-2027-000001")];
    assert_eq!(found, expected.map(|(first, last)| Gap { first: number(first), last: number(last) }));
}

fn line(description: &str, cents: i64, vat: u32) -> DocumentLine {
    let no_vat_because = (vat == 0).then(|| "Hors du champ d'application de la TVA".to_owned());
    DocumentLine {
        english: None,
        description: description.into(),
        quantity: 1,
        gross: Money::eur(cents),
        vat: vat.try_into().unwrap(),
        no_vat_because,
    }
}

fn invoice() -> Draft {
    Draft {
        kind: DocumentKind::Invoice,
        issued_on: day("2026-03-31"),
        supplied_from: day("2026-03-01"),
        supplied_to: day("2026-03-31"),
        currency: Currency::Eur,
        seller: Seller {
            name: "Parvis Stationnement".into(),
            legal_form: "SAS au capital de 10 000 EUR".into(),
            address: vec!["1 place de la Comédie".into(), "34000 Montpellier".into()],
            // The SIREN of the postal service, whose check digit is known to be right.
            siren: "356000000".into(),
            register: "RCS Paris 356 000 000".into(),
            vat_number: Some("FR39356000000".into()),
        },
        buyer: Some(Buyer {
            name: "Boulangerie".into(),
            address: vec!["2 rue Foch".into(), "34000 Montpellier".into()],
            professional: true,
            siren: None,
        }),
        lines: vec![
            line("Parking Comédie, mars 2026", 320, 2000),
            line("Parking Foch", 321, 2000),
            line("Voirie", 300, 0),
        ],
        terms: Some(PaymentTerms {
            due_on: day("2026-04-30"),
            early_payment: "néant".into(),
            late_penalties: "trois fois le taux d'intérêt légal".into(),
            recovery_compensation: Money::eur(4000),
        }),
        settlements: vec![],
    }
}

fn issued() -> Document {
    invoice().issue("F-2026-000001".parse().unwrap()).unwrap()
}

#[test]
fn vat_is_summed_per_rate() {
    let document = issued();
    // 3.00 outside VAT; 6.41 / 1.2 = 5.3416: 5.34 + 1.07
    let totals: Vec<_> = document.vat().iter().map(|t| (t.rate.basis_points(), t.net.cents, t.vat.cents)).collect();
    assert_eq!(totals, [(0, 300, 0), (2000, 534, 107)]);
    assert_eq!((document.net().cents, document.tax().cents, document.gross().cents), (834, 107, 941));
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
}

#[test]
fn a_credit_note_is_the_mirror_of_its_invoice() {
    let invoice = issued();
    let credit = invoice.credit(day("2026-04-02")).unwrap().issue("A-2026-000001".parse().unwrap()).unwrap();
    assert_eq!((credit.net().cents, credit.tax().cents, credit.gross().cents), (-834, -107, -941));
    assert_eq!(credit.content().kind, DocumentKind::CreditNote { corrects: invoice.number() });
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let mut draft = invoice();
    draft.seller = Seller { siren: "356000001".into(), ..Seller::default() };
    draft.buyer.as_mut().unwrap().address.clear();
    draft.terms = None;
    draft.lines[2].no_vat_because = None;
    draft.lines[0].gross = Money::eur(-1);
    draft.supplied_to = day("2026-02-01");
    let faults = draft.issue("A-2026-000001".parse().unwrap()).unwrap_err();
    assert_eq!(
        faults,
        [
            Fault::Missing("the seller's name"),
            Fault::Missing("the seller's address"),
            Fault::Siren("356000001".into()),
            Fault::Missing("the seller's VAT number"),
            Fault::Missing("the buyer's address"),
            Fault::Missing("the terms of payment"),
            Fault::Sign(0),
            Fault::NoVatReason(2),
            Fault::Dates("the supply ends before it begins"),
            Fault::Number("A-2026-000001".parse().unwrap()),
        ]
    );
}

#[test]
fn a_receipt_needs_no_buyer() {
    let settlement =
        Settlement { on: day("2026-03-31"), by: "carte bancaire".into(), amount: Money::eur(941), reference: None };
    let draft =
        Draft { kind: DocumentKind::Receipt, buyer: None, terms: None, settlements: vec![settlement], ..invoice() };
    assert_eq!(draft.faults(), []);
}

#[test]
fn the_fec_has_its_form() {
    let movement = Movement::TopUp {
        amount: Money::eur(123_456),
        customer: Auxiliary { number: "C1".into(), label: "A\tB\n".into() },
    };
    let (sale, top_up) = (entry(1, &sale(320)).unwrap(), entry(2, &movement).unwrap());
    let mut file = Vec::new();
    let validated = day("2026-04-01");
    let mut writer = FecWriter::begin(&mut file).unwrap();
    writer.write(&sale, Validated { number: 1, on: validated }).unwrap();
    writer.finish().unwrap();
    // A further part, without the names of the columns.
    let mut writer = FecWriter::go_on(&mut file);
    writer.write(&top_up, Validated { number: 1_234, on: validated }).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(file).unwrap();
    let rows: Vec<Vec<&str>> = text.split_terminator("\r\n").map(|row| row.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 18), "{text}");
    assert_eq!(
        rows[0].join("|"),
        "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise"
    );
    assert_eq!(
        rows[1].join("|"),
        "VT|Ventes|1|20260302|511700|Prestataire de paiement|||R-2026-000001|20260302|Stationnement|3,20|0,00|||20260401||"
    );
    assert_eq!(rows.len(), 6);
    assert_eq!(
        rows[5].join("|"),
        "BQ|Trésorerie|1234|20260302|419100|Clients - avances|C1|A B |R-2026-000001|20260302|Approvisionnement porte-monnaie|0,00|1234,56|||20260401||"
    );
    assert_eq!(fec_file_name("356000000", day("2026-12-31")), "356000000FEC20261231.txt");
}

#[test]
fn the_csv_is_safe_in_a_spreadsheet() {
    let formula = sale(320).entry(&chart(), Uuid::nil(), day("2026-03-02"), piece("=1+1")).unwrap().unwrap();
    let mut file = Vec::new();
    write_csv(&mut file, [&formula]).unwrap();
    let text = String::from_utf8(file).unwrap();
    let first = text.lines().nth(1).unwrap();
    assert!(first.contains(",'=1+1,") && first.ends_with(",3.20,,EUR"), "{first}");
}

fn movement() -> impl Strategy<Value = Movement> {
    let payer = prop_oneof![
        Just(Payer::Provider),
        Just(Payer::Wallet { customer: customer() }),
        Just(Payer::Invoice { customer: customer() })
    ];
    let supply =
        prop_oneof![Just(Supply::Street), (0..=10_000u32).prop_map(|p| Supply::CarPark { vat: p.try_into().unwrap() })];
    let cents = (0..10_000_000i64).prop_map(Money::eur);
    prop_oneof![
        (supply.clone(), cents.clone(), payer.clone()).prop_map(|(supply, gross, payer)| Movement::Sale {
            supply,
            gross,
            payer
        }),
        (supply, cents.clone(), payer).prop_map(|(supply, gross, payer)| Movement::Refund { supply, gross, payer }),
        cents.clone().prop_map(|amount| Movement::TopUp { amount, customer: customer() }),
        cents.clone().prop_map(|amount| Movement::PayBack { amount, customer: customer() }),
        cents.clone().prop_map(|amount| Movement::PayByHand { amount, customer: customer() }),
        cents.clone().prop_map(|amount| Movement::Returned { amount, customer: customer() }),
        cents.clone().prop_map(|amount| Movement::Settlement { amount, customer: customer() }),
        (cents, 0..100i64)
            .prop_map(|(gross, percent)| Movement::Payout { gross, fees: Money::eur(gross.cents * percent / 100) }),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_postings_balances(movements in prop::collection::vec((movement(), any::<bool>()), 0..40)) {
        let mut book = Book::default();
        for (index, (movement, twice)) in (1..).zip(&movements) {
            let Some(entry) = entry(index, movement) else { continue };
            if *twice {
                prop_assert_eq!(book.post(entry.clone()), Ok(Posted::New));
                prop_assert_eq!(book.post(entry), Ok(Posted::Known));
            } else {
                prop_assert_eq!(book.post(entry), Ok(Posted::New));
            }
        }
        let net: i64 = book.balances().values().map(|balance| balance.net().unwrap().cents).sum();
        prop_assert_eq!(net, 0);
        // And the file says the same.
        let mut file = Vec::new();
        let mut writer = FecWriter::begin(&mut file).unwrap();
        for (number, entry) in (1..).zip(book.entries()) {
            writer.write(entry, Validated { number, on: entry.date() }).unwrap();
        }
        writer.finish().unwrap();
        let text = String::from_utf8(file).unwrap();
        let column = |index: usize| -> i64 {
            text.lines().skip(1).map(|row| row.split('\t').nth(index).unwrap().replace(',', "").parse::<i64>().unwrap()).sum()
        };
        prop_assert_eq!(column(11), column(12));
    }

    #[test]
    fn a_credit_note_always_undoes_its_document(
        amounts in prop::collection::vec((0..1_000_000i64, prop::sample::select(vec![0u32, 550, 1000, 2000])), 1..12),
    ) {
        let lines = amounts.into_iter().map(|(cents, rate)| line("x", cents, rate)).collect();
        let document = Draft { lines, ..invoice() }.issue("F-2026-000001".parse().unwrap()).unwrap();
        let credit = document.credit(day("2026-04-02")).unwrap().issue("A-2026-000001".parse().unwrap()).unwrap();
        prop_assert_eq!((credit.net().cents, credit.tax().cents), (-document.net().cents, -document.tax().cents));
        prop_assert_eq!(document.line_nets().iter().map(|net| net.cents).sum::<i64>(), document.net().cents);
        let gross: i64 = document.content().lines.iter().map(|line| line.gross.cents).sum();
        prop_assert_eq!(document.gross().cents, gross);
    }
}
