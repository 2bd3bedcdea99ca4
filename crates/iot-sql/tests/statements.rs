//! Statements: what they select, and what is refused.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use parvis_iot_sql::{EvaluationError, Message, Statement};
use proptest::prelude::*;
use serde_json::{Value, json};

const PAYLOAD: &[u8] =
    br#"{"sensor_id":3,"status":"free","confidence":0.95,"gps":{"lat":48.1,"fix":null},"ok":true,"level":"12"}"#;

fn message(payload: &[u8]) -> Message<'_> {
    Message { topic: "parking/Zone_A/place_3", payload, client_id: Some("c1"), received_at: 1_767_225_600_123 }
}

fn select(columns: &str) -> Value {
    let sql = format!("SELECT {columns} FROM 'parking/#'");
    let result = Statement::parse(&sql).unwrap().evaluate(&message(PAYLOAD)).unwrap().unwrap();
    serde_json::from_slice(&result).unwrap()
}

fn holds(condition: &str) -> bool {
    let sql = format!("SELECT * FROM 'parking/#' WHERE {condition}");
    Statement::parse(&sql).unwrap().evaluate(&message(PAYLOAD)).unwrap().is_some()
}

#[test]
fn the_templates_statement_wraps_any_payload() {
    let sql =
        "SELECT encode(*, 'base64') AS payload, topic() AS topic, timestamp() AS received_at, clientid() AS client_id
               FROM 'parking/+/+'";
    let rule = Statement::parse(sql).unwrap();
    let result: Value = serde_json::from_slice(&rule.evaluate(&message(b"\xff not JSON")).unwrap().unwrap()).unwrap();
    let expected = json!({
        "payload": "/yBub3QgSlNPTg==", "topic": "parking/Zone_A/place_3", "received_at": 1_767_225_600_123_i64, "client_id": "c1",
    });
    assert_eq!(result, expected);
}

#[test]
fn columns_are_paths_literals_and_functions() {
    assert_eq!(select("status, gps.lat AS lat"), json!({"status": "free", "lat": 48.1}));
    assert_eq!(select("topic(2) AS zone, topic(9) AS none"), json!({"zone": "Zone_A"}));
    assert_eq!(select("missing, gps.fix AS fix, status.x AS x"), json!({"fix": null}));
    assert_eq!(
        select("'it''s' AS a, -2 AS b, 1.5 AS c, true AS d, NULL AS e"),
        json!({"a": "it's", "b": -2, "c": 1.5, "d": true, "e": null})
    );
    assert_eq!(select("upper(status) AS u, lower('ÉTÉ') AS l"), json!({"u": "FREE", "l": "été"}));
    assert_eq!(select("concat(status, '-', sensor_id) AS c, concat(missing, 'x') AS none"), json!({"c": "free-3"}));
    assert_eq!(select("encode(status, 'base64') AS s"), json!({"s": "ZnJlZQ=="}));
}

#[test]
fn star_beside_columns_adds_them() {
    let mut expected: Value = serde_json::from_slice(PAYLOAD).unwrap();
    expected["status"] = json!("x");
    expected["topic"] = json!("parking/Zone_A/place_3");
    assert_eq!(select("*, topic() AS topic, 'x' AS status"), expected);
}

#[test]
fn star_alone_passes_any_payload_unchanged() {
    let rule = Statement::parse("select * from '#'").unwrap();
    assert_eq!(rule.evaluate(&message(b"\x00{ ")).unwrap().unwrap(), b"\x00{ ");
}

#[test]
fn attributes_of_a_payload_that_is_not_json_are_an_error() {
    let rule = Statement::parse("SELECT status FROM '#'").unwrap();
    assert!(matches!(rule.evaluate(&message(b"{")), Err(EvaluationError::NotJson(_))));
    let rule = Statement::parse("SELECT *, topic() AS t FROM '#'").unwrap();
    assert!(matches!(rule.evaluate(&message(b"[1]")), Err(EvaluationError::NotAnObject)));
}

#[test]
fn a_message_of_no_client_has_the_documented_client_id() {
    let rule = Statement::parse("SELECT clientid() AS c FROM '#'").unwrap();
    let message = Message { client_id: None, ..message(PAYLOAD) };
    assert_eq!(rule.evaluate(&message).unwrap().unwrap(), br#"{"c":"n/a"}"#);
}

#[test]
fn conditions_compare_without_surprising_conversions() {
    for condition in [
        "status = 'free'",
        "sensor_id = 3.0",
        "confidence > 0.9 AND confidence <= 0.95",
        "level < 13",
        "level >= '12'",
        "NOT status = 'occupied'",
        "status = 'x' OR sensor_id <> '3'",
        "(status = 'x' OR ok) AND topic(1) = 'parking'",
        "gps.fix = null",
        "NOT NOT ok",
    ] {
        assert!(holds(condition), "{condition}");
    }
    // Undefined (a missing attribute, an order of things that have none) is not true, and neither is its negation.
    for condition in [
        "sensor_id = '3'",
        "missing = 1",
        "missing <> 1",
        "NOT missing = 1",
        "ok AND missing",
        "ok OR missing",
        "gps < 1",
        "status > 1",
        "sensor_id",
        "NOT sensor_id",
        "ok = 'true'",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn and_binds_tighter_than_or() {
    assert!(holds("true OR true AND false"));
    assert!(!holds("(true OR true) AND false"));
}

#[test]
fn what_is_not_supported_is_named() {
    let cases = [
        ("SELECT get_thing_shadow('a', 'b') AS s FROM '#'", "at 7: the function get_thing_shadow is not supported"),
        ("SELECT a + 1 AS b FROM '#'", "at 9: the operator + is not supported"),
        ("SELECT a || b AS c FROM '#'", "at 9: the operator || is not supported"),
        ("SELECT a[0] AS b FROM '#'", "at 8: the operator [ is not supported"),
        ("SELECT -a AS b FROM '#'", "at 8: the operator - is not supported"),
        ("SELECT encode(*, 'base32') AS b FROM '#'", "at 17: the encoding base32 is not supported"),
        ("SELECT topic() FROM '#'", "at 7: a column without AS is not supported"),
        ("SELECT a.b FROM '#'", "at 7: a column without AS is not supported"),
        ("SELECT a AS b.c FROM '#'", "at 13: a nested column name is not supported"),
        ("SELECT * AS a FROM '#'", "at 9: * AS is not supported"),
        ("SELECT CASE a WHEN 1 THEN 2 END AS b FROM '#'", "at 7: CASE is not supported"),
        ("SELECT VALUE a FROM '#'", "at 13: expected AS, a comma or FROM, found a"),
        ("SELECT * FROM '#' WHERE a IN [1]", "at 26: IN is not supported"),
        ("SELECT * FROM '#' WHERE a != 1", "at 26: the operator != is not supported"),
        ("SELECT (SELECT a FROM b) AS c FROM '#'", "at 8: SELECT is not supported"),
        ("SELECT * FROM '#/a'", "at 14: # must be the last level, and alone in it"),
        ("SELECT * FROM parking", "at 14: expected a topic filter in quotes, found parking"),
        ("SELECT * FROM 'a", "at 14: the text has no closing quote"),
        ("SELECT * FROM '#' WHERE", "at 23: expected a value, found the end"),
        ("SELECT topic(0) AS t FROM '#'", "at 13: expected a level of the topic, from 1, found 0"),
        ("SELECT \"a\" AS t FROM '#'", "at 7: expected a word, a text, a number or an operator, found \"a\""),
        ("", "at 0: expected SELECT, found the end"),
    ];
    for (sql, error) in cases {
        assert_eq!(Statement::parse(sql).unwrap_err().to_string(), error, "{sql}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(sql in "\\PC{0,60}") {
        let _ = Statement::parse(&sql);
    }

    #[test]
    fn parsing_of_almost_statements_never_panics(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "SELECT", "*", "FROM", "'a/+'", "WHERE", "AS", "x", ".", "(", ")", ",", "topic", "encode", "'base64'", "=", "<=",
                "AND", "NOT", "-", "1", "0.5", "null", "'",
            ]),
            0..14,
        )
    ) {
        let _ = Statement::parse(&words.join(" "));
    }

    #[test]
    fn a_wrapped_payload_comes_back(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        use base64::Engine as _;
        let rule = Statement::parse("SELECT encode(*, 'base64') AS p FROM '#'").unwrap();
        let result: Value = serde_json::from_slice(&rule.evaluate(&message(&payload)).unwrap().unwrap()).unwrap();
        let decoded = base64::engine::general_purpose::STANDARD.decode(result["p"].as_str().unwrap()).unwrap();
        prop_assert_eq!(decoded, payload);
    }

    #[test]
    fn numbers_compare_as_numbers(a in -1e6..1e6f64, b in -1e6..1e6f64) {
        let payload = json!({"a": a, "b": b}).to_string();
        let holds = |operator: &str| {
            let sql = format!("SELECT * FROM '#' WHERE a {operator} b");
            Statement::parse(&sql).unwrap().evaluate(&message(payload.as_bytes())).unwrap().is_some()
        };
        prop_assert_eq!(holds("<"), a < b);
        prop_assert_eq!(holds("<="), a <= b);
        prop_assert_eq!(holds("="), a == b);
        prop_assert_eq!(holds("<>"), a != b);
        prop_assert_eq!(holds(">"), a > b);
        prop_assert_eq!(holds(">="), a >= b);
    }
}
