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
/// Without a condition a new thing is created, and the same thing again is no change, so that a request may be repeated;
/// but nothing is overwritten that the client has not seen, unless it says that any version will do (`If-Match: *`).
///
/// # Errors
/// 412 when what is stored is not as the client says, 428 when it says nothing and something would be overwritten.
pub(super) fn decide<T: PartialEq>(
    stored: Option<(&T, u64)>,
    wanted: &T,
    headers: &HeaderMap,
) -> Result<Write, Problem> {
    let expected = expected_version(headers);
    if !expected.admits(stored.map(|(_, version)| version)) {
        return Err(Problem::precondition_failed());
    }
    match stored {
        None => Ok(Write::Create),
        Some((stored, _)) if stored == wanted => Ok(Write::Nothing),
        Some(_) if expected.is_said() => Ok(Write::Replace),
        Some(_) => Err(Problem::precondition_required()),
    }
}

/// Checks the version that the client has seen, if it says one, before a deletion.
///
/// # Errors
/// 412 when it is not the stored one.
pub(super) fn check(stored: u64, headers: &HeaderMap) -> Result<(), Problem> {
    if expected_version(headers).admits(Some(stored)) { Ok(()) } else { Err(Problem::precondition_failed()) }
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
        assert_eq!(outcome(Some(("a", 2)), "b", Some("W/\"2\"")), Err(StatusCode::PRECONDITION_FAILED));
        assert_eq!(outcome(Some(("a", 2)), "b", Some("\"1\", \"2\"")), Ok(Write::Replace));
    }

    #[test]
    fn any_version_is_one_that_exists() {
        assert_eq!(outcome(None, "b", Some("*")), Err(StatusCode::PRECONDITION_FAILED));
        assert_eq!(outcome(Some(("a", 2)), "b", Some("*")), Ok(Write::Replace));
        assert!(check(2, &headers(Some("*"))).is_ok());
        assert!(check(2, &headers(Some("\"1\""))).is_err());
    }

    #[test]
    fn what_must_be_new_replaces_nothing() {
        let create = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static("*"))]);
        assert!(matches!(decide(None, &"b", &create), Ok(Write::Create)));
        let refused = decide(Some((&"b", 1)), &"b", &create).map_err(|problem| problem.status());
        assert_eq!(refused, Err(StatusCode::PRECONDITION_FAILED));
    }
}
