//! Any row of requests, each of which may kill the process.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::gate::{Death, Side};
use crate::invariants::{always, at_rest};
use crate::world::{Ask, BROWSER, Event, WALLET, World, by};

const PLATES: [&str; 2] = ["AB-123-CD", "XY-987-ZZ"];

fn pay() -> impl Strategy<Value = parvis_payments::flow::PayWith> {
    prop_oneof![
        4 => Just(by("visa")),
        1 => Just(by("chargeDeclined")),
        1 => Just(by("authenticationRequired")),
        1 => Just(by("refundFail")),
        1 => Just(by("pendingRefundFail")),
        2 => Just(BROWSER),
        2 => Just(WALLET),
    ]
}

fn pay_in() -> impl Strategy<Value = parvis_payments::flow::PayWith> {
    prop_oneof![6 => pay(), 1 => Just(by("refundsFail")), 1 => Just(by("refundsRefused"))]
}

fn ask() -> impl Strategy<Value = Ask> {
    let session = 0..3_usize;
    prop_oneof![
        4 => (session.clone(), 0..2_usize, 10..120_u32, pay())
            .prop_map(|(session, plate, minutes, pay)| Ask::Start { session, plate: PLATES[plate], minutes, pay }),
        3 => (session.clone(), 0..3_usize, 5..60_u32, pay())
            .prop_map(|(session, extension, minutes, pay)| Ask::Extend { session, extension, minutes, pay }),
        2 => session.clone().prop_map(|session| Ask::Stop { session }),
        2 => session.prop_map(|number| Ask::Message { number }),
        2 => (0..2_usize, 50..2_000_i64, pay_in())
            .prop_map(|(number, cents, pay)| Ask::TopUp { number, cents, pay }),
        1 => Just(Ask::PayBack),
        1 => Just(Ask::Sweep),
        1 => Just(Ask::Reconcile),
    ]
}

fn event() -> impl Strategy<Value = (Event, Option<Death>)> {
    let side = prop_oneof![Just(Side::Before), Just(Side::After)];
    let death = option::weighted(0.5, (1..6_usize, side).prop_map(|(at, side)| Death { at, side }));
    prop_oneof![
        7 => (ask(), death).prop_map(|(ask, death)| (Event::Ask(ask), death)),
        2 => (0..3_usize).prop_map(|number| (Event::Browser { number }, None)),
        2 => (0..25_u32).prop_map(|minutes| (Event::Pass(minutes), None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(events in vec(event(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for (event, death) in &events {
                world.happen(event, *death).await;
                always(&world).await;
            }
            world.rest().await;
            at_rest(&world).await;
            world.happen(&Event::Ask(Ask::Reconcile), None).await;
            world.rest().await;
            at_rest(&world).await;
        });
    }
}
