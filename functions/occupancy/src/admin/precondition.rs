//! What a write means against what is stored.

use axum::http::HeaderMap;
use parvis_kit::http::expected_version;
use parvis_kit::problem::Problem;

/// What has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It does not exist yet.
    Create,
    /// It is already as wanted.
    Nothing,
    /// The stored version is to be replaced.
    Replace,
}

/// Compares what is wanted with what is stored and with the version that the client has seen.
///
/// Without a version a new thing is created, and the same thing again is no change, so that a request may be repeated;
/// but nothing is overwritten that the client has not seen.
///
/// # Errors
/// 412 when the client has seen another version, 428 when it did not say which.
pub(super) fn decide<T: PartialEq>(
    stored: Option<(&T, u64)>,
    wanted: &T,
    headers: &HeaderMap,
) -> Result<Write, Problem> {
    let expected = expected_version(headers)?;
    match (stored, expected) {
        (None, None) => Ok(Write::Create),
        (None, Some(_)) => Err(Problem::precondition_failed()),
        (Some((_, version)), Some(expected)) if version != expected => Err(Problem::precondition_failed()),
        (Some((stored, _)), _) if stored == wanted => Ok(Write::Nothing),
        (Some(_), Some(_)) => Ok(Write::Replace),
        (Some(_), None) => Err(Problem::precondition_required()),
    }
}

/// Checks the version that the client has seen, if it says one, before a deletion.
///
/// # Errors
/// 412 when it is not the stored one.
pub(super) fn check(stored: u64, headers: &HeaderMap) -> Result<(), Problem> {
    match expected_version(headers)? {
        Some(expected) if expected != stored => Err(Problem::precondition_failed()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode, header};

    use super::*;

    fn headers(version: Option<&str>) -> HeaderMap {
        version.map(|tag| (header::IF_MATCH, HeaderValue::from_str(tag).unwrap())).into_iter().collect()
    }

    fn outcome(stored: Option<(&str, u64)>, wanted: &str, version: Option<&str>) -> Result<Write, StatusCode> {
        let stored = stored.map(|(text, version)| (text.to_owned(), version));
        let stored = stored.as_ref().map(|(text, version)| (text, *version));
        decide(stored, &wanted.to_owned(), &headers(version)).map_err(|problem| problem.status())
    }

    #[test]
    fn a_request_may_be_repeated() {
        assert_eq!(outcome(None, "a", None), Ok(Write::Create));
        assert_eq!(outcome(Some(("a", 1)), "a", None), Ok(Write::Nothing));
        assert_eq!(outcome(Some(("a", 3)), "a", Some("\"3\"")), Ok(Write::Nothing));
    }

    #[test]
    fn nothing_unseen_is_overwritten() {
        assert_eq!(outcome(Some(("a", 1)), "b", None), Err(StatusCode::PRECONDITION_REQUIRED));
        assert_eq!(outcome(Some(("a", 2)), "b", Some("\"1\"")), Err(StatusCode::PRECONDITION_FAILED));
        assert_eq!(outcome(Some(("a", 2)), "b", Some("\"2\"")), Ok(Write::Replace));
        assert_eq!(outcome(None, "b", Some("\"2\"")), Err(StatusCode::PRECONDITION_FAILED));
    }
}
