//! Stores that take connections and never answer: an invocation must end while there is time to say what is left.

use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use parvis_parking::plate::{Plate, PlateKey, SeenPlate};
use parvis_parking::{RefusalCode, Spot};
use parvis_places::DefaultPlace;
use tokio::net::TcpListener;

use super::*;

const SOON: Duration = Duration::from_millis(100);
/// Far below the time after which the SDK itself gives up.
const AT_MOST: Duration = Duration::from_secs(5);

async fn with_silent_stores() -> Ingest {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    let aws = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::from_static("eu-west-3"))
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    let config = Config {
        live_table: "live".into(),
        places_table: "places".into(),
        plates_table: "plates".into(),
        dead_letter_queue_url: "https://sqs.eu-west-3.amazonaws.com/123456789012/dead".into(),
        comms_lost_after: chrono::Duration::minutes(15),
        plate_key: PlateKey::new(b"secret"),
        default_place: DefaultPlace { id: "default".parse().unwrap(), timezone: chrono_tz::UTC },
    };
    Ingest::new(&aws, config)
}

fn records(count: usize) -> Vec<Record> {
    (0..count).map(|index| Record { message_id: Some(index.to_string()), body: Some("?".to_owned()) }).collect()
}

#[tokio::test]
async fn a_dead_letter_queue_that_is_silent_leaves_its_letters_for_later() {
    let ingest = with_silent_stores().await;
    let refused: Vec<_> = (0..45).map(|index| (index, Refusal::new(RefusalCode::NotJson, "?"))).collect();
    let records = records(45);
    let sending = ingest.dead_letters.send(&records, &refused, Utc::now(), Instant::now() + SOON);
    assert_eq!(tokio::time::timeout(AT_MOST, sending).await.unwrap(), (0..45).collect());
}

#[tokio::test]
async fn a_plates_table_that_is_silent_leaves_its_plates_for_later() {
    let ingest = with_silent_stores().await;
    let seen = PlateObservation {
        place: "default".parse().unwrap(),
        zone: "a".parse().unwrap(),
        spot: Spot::Camera("gate".to_owned()),
        at: Utc::now(),
        plate: SeenPlate::Clear(Plate::normalise("AA123AA").unwrap()),
        vehicle_class: None,
        electric: None,
        confidence: None,
        received_at: Utc::now(),
    };
    let plates = (0..40).map(|index| (index, seen.clone())).collect();
    let writing = ingest.write_plates(plates, Utc::now(), Instant::now() + SOON);
    let stored = tokio::time::timeout(AT_MOST, writing).await.unwrap();
    assert_eq!(stored.iter().filter(|(_, stored)| stored.is_err()).count(), 40);
}

#[tokio::test]
async fn a_register_that_is_silent_fails_the_batch_in_time() {
    let ingest = with_silent_stores().await;
    let body = r#"{"topic":"parking/a/place_1","received_at":1768730400000}"#.to_owned();
    let batch = [Record { message_id: None, body: Some(body) }];
    let working = ingest.ingest(&batch, Utc::now(), Instant::now() + SOON);
    let failure = tokio::time::timeout(AT_MOST, working).await.unwrap().unwrap_err();
    assert!(matches!(failure, Failure::Retryable(_)), "{failure:?}");
}
