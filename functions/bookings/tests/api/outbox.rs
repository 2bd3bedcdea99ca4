//! Events wait for a DynamoDB that is away, and none is lost or told twice.

use parvis_booking::pricing::QuoteKey;
use parvis_bookings::routes::router;
use parvis_bookings::state::App;
use parvis_bookings::store::Store;
use parvis_kit::event_store::EventStore;

use crate::support::{ANNE, FROM, Platform, later, now};

#[tokio::test]
async fn what_cannot_be_told_now_is_told_by_the_schedule() {
    let platform = Platform::start().await;
    // The same function, with an events table that is not there.
    let away = EventStore::new(platform.dynamodb.clone(), "away");
    let key = QuoteKey::new(*b"a secret of enough bytes").unwrap();
    let app =
        App::new(Store::new(platform.database.clone()), away, platform.live.clone(), key, Some(FROM.to_owned()), now);
    let cut_off = platform.with(app.clone(), router(app));
    let booked = cut_off.book(ANNE, "arago", "08:00", "09:00").await;
    assert_eq!(booked["state"], "booked", "a booking does not wait for its listeners");
    assert_eq!(platform.events(&booked).await, Vec::<String>::new());

    assert_eq!(platform.sweep().await.delivered, 0, "the request that made it may still be telling it");
    later(1);
    assert_eq!(platform.sweep().await.delivered, 1);
    assert_eq!(platform.sweep().await.delivered, 0);
    assert_eq!(platform.events(&booked).await, ["parvis.booking.confirmed"]);
}
