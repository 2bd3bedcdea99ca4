//! Every step of every flow, one after the other.

use crate::gate::{Death, Side};
use crate::invariants::{always, at_rest};
use crate::world::{Ask, BROWSER, Event, WALLET, World, by};

/// What happens after the process has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The client asks again.
    Again,
    /// The provider's messages come, twice.
    Messages,
    /// Nobody does anything; only the schedules run.
    Nothing,
    /// The comparison with the provider comes first.
    Comparison,
}

fn start(pay: parvis_payments::flow::PayWith) -> Event {
    Event::Ask(Ask::Start { session: 0, plate: "AB-123-CD", minutes: 60, pay })
}

fn extend(pay: parvis_payments::flow::PayWith) -> Event {
    Event::Ask(Ask::Extend { session: 0, extension: 0, minutes: 45, pay })
}

fn stop() -> Event {
    Event::Ask(Ask::Stop { session: 0 })
}

fn message() -> Event {
    Event::Ask(Ask::Message { number: 0 })
}

/// One run of a script in which the process dies at a step after the first `safe` events; false when there are fewer steps.
async fn dies(script: &[Event], safe: usize, death: Death, then: Then) -> bool {
    let world = World::new().await;
    for event in &script[..safe] {
        assert!(!world.happen(event, None).await);
    }
    let mut left = Some(death);
    for event in &script[safe..] {
        let died = world.happen(event, left).await;
        always(&world).await;
        if died {
            left = None;
            after(&world, event, then).await;
            always(&world).await;
        }
    }
    world.rest().await;
    at_rest(&world).await;
    // Everything comes once more, late.
    world.happen(&message(), None).await;
    world.happen(&Event::Ask(Ask::Reconcile), None).await;
    world.rest().await;
    at_rest(&world).await;
    left.is_none()
}

async fn after(world: &World, event: &Event, then: Then) {
    match then {
        Then::Again => drop(world.happen(event, None).await),
        Then::Messages => {
            world.happen(&message(), None).await;
            world.happen(&message(), None).await;
        }
        Then::Nothing => {}
        Then::Comparison => drop(world.happen(&Event::Ask(Ask::Reconcile), None).await),
    }
}

/// Dies at every step that comes after the first `safe` events, on both sides, with every aftermath.
async fn everywhere(script: &[Event], safe: usize) {
    const MOST: usize = 12;
    for side in [Side::Before, Side::After] {
        for then in [Then::Again, Then::Messages, Then::Nothing, Then::Comparison] {
            let mut steps = 0;
            while dies(script, safe, Death { at: steps + 1, side }, then).await {
                steps += 1;
                assert!(steps <= MOST, "more than {MOST} steps: {script:?}");
            }
            assert!(steps > 0, "the script has no step: {script:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paying() {
    everywhere(&[start(by("visa"))], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn being_declined() {
    everywhere(&[start(by("chargeDeclined"))], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_in_the_browser() {
    everywhere(&[start(BROWSER), Event::Browser { number: 0 }, message()], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strong_authentication() {
    everywhere(&[start(by("authenticationRequired")), Event::Browser { number: 0 }, message()], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extending() {
    let script = [start(by("visa")), Event::Pass(50), extend(by("visa"))];
    everywhere(&script, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping() {
    let script = [start(by("visa")), Event::Pass(20), stop()];
    everywhere(&script, 1).await;
}

/// The refund is pending, or given, and then the bank sends it back; or it fails at once.
#[tokio::test(flavor = "multi_thread")]
async fn giving_back_what_does_not_arrive() {
    for method in ["refundFail", "pendingRefundFail", "refundRefused"] {
        let script = [start(by(method)), Event::Pass(20), stop(), Event::Pass(5), message()];
        everywhere(&script, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_what_was_extended() {
    let script = [start(by("visa")), Event::Pass(10), extend(by("visa")), Event::Pass(10), stop()];
    everywhere(&script, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_while_an_extension_is_being_paid() {
    let script = [start(by("visa")), extend(BROWSER), Event::Pass(10), stop()];
    everywhere(&script, 2).await;
}

/// The paid time runs out while its extension waits for the browser; the plate stands there anew before it is paid.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_is_paid_too_late() {
    let again = Event::Ask(Ask::Start { session: 1, plate: "AB-123-CD", minutes: 60, pay: by("visa") });
    let script = [
        start(by("visa")),
        Event::Pass(55),
        extend(BROWSER),
        Event::Pass(6),
        again,
        Event::Browser { number: 0 },
        message(),
    ];
    everywhere(&script, 4).await;
}

fn top_up(pay: parvis_payments::flow::PayWith) -> Event {
    Event::Ask(Ask::TopUp { number: 0, cents: 1000, pay })
}

#[tokio::test(flavor = "multi_thread")]
async fn putting_money_into_the_wallet() {
    everywhere(&[top_up(by("visa"))], 0).await;
    everywhere(&[top_up(by("chargeDeclined"))], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn putting_money_into_the_wallet_in_the_browser() {
    everywhere(&[top_up(BROWSER), Event::Browser { number: 0 }, message()], 0).await;
    everywhere(&[top_up(by("authenticationRequired")), Event::Browser { number: 0 }, message()], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_from_the_wallet_and_getting_it_back() {
    let script = [top_up(by("visa")), start(WALLET), Event::Pass(10), extend(WALLET), Event::Pass(10), stop()];
    everywhere(&script, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn getting_back_what_the_wallet_holds() {
    let more = Event::Ask(Ask::TopUp { number: 1, cents: 500, pay: by("visa") });
    everywhere(&[top_up(by("visa")), more, start(WALLET), Event::Ask(Ask::PayBack)], 3).await;
    let script = [top_up(by("pendingRefundFail")), Event::Ask(Ask::PayBack), Event::Pass(5), message()];
    everywhere(&script, 1).await;
}

/// Whatever the provider says of it, it is in the wallet again in the end, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_bank_takes_back_is_given_up() {
    for method in ["refundsFail", "refundsRefused"] {
        let mut script = vec![top_up(by(method)), Event::Ask(Ask::PayBack)];
        for _ in 0..5 {
            script.extend([Event::Pass(2), message(), Event::Pass(17 * 60), message()]);
        }
        everywhere(&script, script.len() - 1).await;
    }
}

/// There is enough for the beginning, and not for what is wanted then.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_runs_empty() {
    let little = Event::Ask(Ask::TopUp { number: 0, cents: 300, pay: by("visa") });
    let script = [little, start(WALLET), extend(WALLET), Event::Pass(10), stop()];
    everywhere(&script, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_a_payment() {
    everywhere(&[start(BROWSER), stop()], 0).await;
}
