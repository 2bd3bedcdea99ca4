//! The sample events, as the Lambda tools send them.

use axum::http::StatusCode;

use crate::support::Platform;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/occupancy");

/// A sample that the function no longer understands would mislead whoever tries it first.
#[tokio::test]
async fn every_sample_event_is_answered() {
    let platform = Platform::with_lot().await;
    let mut samples: Vec<_> = std::fs::read_dir(SAMPLES).unwrap().map(|entry| entry.unwrap().path()).collect();
    samples.sort();
    assert!(samples.len() > 10, "{samples:?}");
    for path in samples {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let status = platform.invoke(&std::fs::read_to_string(&path).unwrap()).await.status;
        let expected = match name.as_str() {
            "create-place" => StatusCode::CREATED,
            "create-place-as-driver" => StatusCode::FORBIDDEN,
            "import-bad-spaces" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        };
        assert_eq!(status, expected, "{name}");
    }
}
