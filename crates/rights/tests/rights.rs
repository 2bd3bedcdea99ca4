//! Which right covers a vehicle, and what sessions, permits and series allow.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use chrono::{DateTime, Duration, Utc};
use parvis_money::Money;
use parvis_parking::plate::{Plate, PlateHash, PlateKey};
use parvis_parking::{SpaceNumber, ZoneId};
use parvis_rights::{
    AssignedRight, Command, Permit, PermitError, PermitKind, Replacement, RightKind, Segment, SeriesError, SeriesId,
    SeriesRegister, Session, SessionRefusal, SessionSegment, SessionSource, SessionState, Space, Where, coverage,
};
use parvis_tariffs::Holder;
use proptest::prelude::*;
use uuid::Uuid;

fn plate(text: &str) -> PlateHash {
    Plate::normalise(text).unwrap().hash(&PlateKey::new(b"test"))
}

/// Minutes after 2026-03-02 09:00 UTC.
fn at(minutes: i64) -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minutes)
}

fn zone(text: &str) -> ZoneId {
    text.parse().unwrap()
}

fn segment(start: i64, end: i64) -> SessionSegment {
    SessionSegment { start: at(start), end: at(end), paid: Money::eur(100), tables: vec![] }
}

fn session(id: u128, start: i64, end: i64) -> Session {
    Session {
        id: Uuid::from_u128(id),
        version: 1,
        plate: plate("AA-123-AA"),
        zone: zone("A"),
        holder: Holder::default(),
        previous: None,
        demand: None,
        segments: vec![segment(start, end)],
        state: SessionState::Pending,
        stopped_at: None,
        source: SessionSource::Driver,
    }
}

fn active(id: u128, start: i64, end: i64) -> Session {
    let mut session = session(id, start, end);
    session.confirm().unwrap();
    session
}

fn permit(series: Option<SeriesId>, plates: &[&str]) -> Permit {
    Permit {
        id: Uuid::from_u128(7),
        version: 1,
        kind: PermitKind::Resident,
        zones: vec![zone("A"), zone("B")],
        plates: plates.iter().map(|text| plate(text)).collect(),
        activations: vec![],
        start: at(0),
        end: at(1000),
        series,
        owner: None,
        title: None,
    }
}

fn covered_until(rights: &[AssignedRight], at_: i64) -> Option<DateTime<Utc>> {
    coverage(rights, &SeriesRegister::default(), &zone("A"), None, at(at_)).covering.map(|covered| covered.until)
}

#[test]
fn the_whole_transition_table() {
    use Command::{Confirm, End, Extend, Fail, Stop};
    use SessionRefusal::{AlreadyConfirmed, NeverBegan, NotPaidYet, Over};
    use SessionState::{Active, Ended, Failed, Pending, Stopped};
    let not_paid = || Err(NotPaidYet);
    let table = [
        (Pending, [Ok(Active), Ok(Failed), not_paid(), not_paid(), not_paid()]),
        (Active, [Err(AlreadyConfirmed), Err(AlreadyConfirmed), Ok(Active), Ok(Stopped), Ok(Ended)]),
        (Stopped, [Err(Over), Err(Over), Err(Over), Err(Over), Err(Over)]),
        (Ended, [Err(Over), Err(Over), Err(Over), Err(Over), Err(Over)]),
        (Failed, [Err(NeverBegan), Err(NeverBegan), Err(NeverBegan), Err(NeverBegan), Err(NeverBegan)]),
    ];
    for (state, expected) in table {
        for (command, expected) in [Confirm, Fail, Extend, Stop, End].into_iter().zip(expected) {
            assert_eq!(state.after(command), expected, "{state:?} {command:?}");
        }
    }
}

#[test]
fn a_session_gives_a_right_while_it_is_paid() {
    let mut session = session(1, 0, 60);
    assert_eq!(session.right(), None, "not before the payment");
    session.confirm().unwrap();
    session.extend(segment(60, 90)).unwrap();
    let rights = [session.right().unwrap()];
    assert_eq!(covered_until(&rights, 0), Some(at(90)), "over both segments");
    assert_eq!(covered_until(&rights, 90), None, "the end is not covered");
    assert_eq!(covered_until(&rights, -1), None);
    let ended = coverage(&rights, &SeriesRegister::default(), &zone("A"), None, at(100)).ended.unwrap();
    assert_eq!(ended.until, at(90), "grace is judged by what ended");
    session.stop(at(30)).unwrap();
    assert_eq!(covered_until(&[session.right().unwrap()], 30), None);
    assert_eq!(session.version, 4);
}

#[test]
fn sessions_refuse_what_their_times_forbid() {
    let mut session = active(1, 0, 60);
    assert_eq!(session.extend(segment(61, 90)), Err(SessionRefusal::NotContiguous { expected: at(60) }));
    assert_eq!(session.extend(segment(60, 60)), Err(SessionRefusal::EmptySegment));
    assert_eq!(session.end(at(59)), Err(SessionRefusal::StillRunning { until: at(60) }));
    assert_eq!(session.stop(at(60)), Err(SessionRefusal::Over));
    session.end(at(60)).unwrap();
    assert_eq!(session.stop(at(10)), Err(SessionRefusal::Over));
    assert_eq!(session.state, SessionState::Ended);
    let mut backwards = self::session(2, 60, 0);
    assert_eq!(backwards.confirm(), Err(SessionRefusal::EmptySegment));
}

#[test]
fn only_a_session_whose_time_ran_out_is_reopened() {
    let mut session = active(1, 0, 60);
    session.end(at(60)).unwrap();
    assert_eq!(session.extend(segment(60, 120)), Err(SessionRefusal::Over));
    session.reopen();
    session.extend(segment(60, 120)).unwrap();
    session.stop(at(90)).unwrap();
    session.reopen();
    assert_eq!(session.state, SessionState::Stopped);
}

#[test]
fn a_session_stopped_before_it_began_gives_no_time() {
    let mut session = active(1, 60, 120);
    session.stop(at(0)).unwrap();
    assert!(session.right().unwrap().segments.is_empty());
}

#[test]
fn a_booked_space_covers_that_space_only() {
    let number = |n: u32| SpaceNumber::try_from(n).unwrap();
    let right = AssignedRight {
        id: Uuid::nil(),
        version: 1,
        plate: plate("AA-123-AA"),
        kind: RightKind::Booking,
        place: Where::Spaces { spaces: vec![Space { zone: zone("A"), number: number(3) }] },
        segments: vec![Segment { start: at(0), end: at(60) }],
        series: None,
    };
    let covers = |space| {
        coverage(std::slice::from_ref(&right), &SeriesRegister::default(), &zone("A"), space, at(1)).covering.is_some()
    };
    assert!(covers(Some(number(3))));
    assert!(!covers(Some(number(4))) && !covers(None));
    let json = serde_json::to_value(&right).unwrap();
    assert_eq!((json["kind"].as_str(), json["place"]["area"].as_str()), (Some("booking"), Some("spaces")));
    assert_eq!(serde_json::from_value::<AssignedRight>(json).unwrap(), right);
}

#[test]
fn of_several_rights_the_one_that_lasts_longest_counts() {
    let rights =
        [active(1, 0, 60).right().unwrap(), active(2, 0, 120).right().unwrap(), active(3, 0, 90).right().unwrap()];
    assert_eq!(covered_until(&rights, 30), Some(at(120)));
    let elsewhere = coverage(&rights, &SeriesRegister::default(), &zone("Z"), None, at(30));
    assert!(elsewhere.covering.is_none() && elsewhere.ended.is_none());
}

#[test]
fn one_plate_of_a_permit_is_active() {
    let mut permit = permit(None, &["AA-123-AA", "BB-123-BB"]);
    let (first, second) = (plate("AA-123-AA"), plate("BB-123-BB"));
    assert_eq!(permit.active(at(5)), None, "none until one is chosen");
    permit.activate(&first, at(0)).unwrap();
    permit.activate(&first, at(10)).unwrap();
    permit.activate(&second, at(100)).unwrap();
    assert_eq!((permit.active(at(99)), permit.active(at(100))), (Some(&first), Some(&second)));
    assert_eq!(permit.activate(&first, at(50)), Err(PermitError::InThePast));
    assert_eq!(permit.activate(&plate("CC-123-CC"), at(200)), Err(PermitError::UnknownPlate));
    assert_eq!(permit.activate(&first, at(1000)), Err(PermitError::NotInForce));
    let rights = permit.rights();
    let of = |plate: &PlateHash| rights.iter().find(|right| right.plate == *plate).unwrap().segments.clone();
    assert_eq!(of(&first), [Segment { start: at(0), end: at(100) }]);
    assert_eq!(of(&second), [Segment { start: at(100), end: at(1000) }]);
}

#[test]
fn a_series_is_replaced_in_one_step() {
    let series = |name: &str| SeriesId { domain: "residents".into(), name: name.into() };
    let mut old = permit(Some(series("2025")), &["AA-123-AA"]);
    old.activate(&plate("AA-123-AA"), at(0)).unwrap();
    let rights = old.rights();
    let mut register = SeriesRegister::default();
    let covers = |register: &SeriesRegister, minutes| {
        coverage(&rights, register, &zone("A"), None, at(minutes)).covering.is_some()
    };
    assert!(!covers(&register, 10), "not before its series is in force");
    register.activate(&series("2025"), at(5)).unwrap();
    assert!(covers(&register, 10) && !covers(&register, 4));
    register.activate(&series("2026"), at(50)).unwrap();
    register.activate(&series("2026"), at(60)).unwrap();
    assert!(covers(&register, 49) && !covers(&register, 50));
    let ended = coverage(&rights, &register, &zone("A"), None, at(70)).ended.unwrap();
    assert_eq!(ended.until, at(50), "it ended with its series");
    assert!(matches!(register.activate(&series("2027"), at(50)), Err(SeriesError::InThePast { .. })));
    register.retire(&series("2026"), at(80)).unwrap();
    assert_eq!((register.in_force("residents", at(79)), register.in_force("residents", at(80))), (Some("2026"), None));
    let json = serde_json::to_string(&register).unwrap();
    assert_eq!(serde_json::from_str::<SeriesRegister>(&json).unwrap(), register);
}

#[test]
fn a_replacement_is_shown_before_it_is_made() {
    let old = [permit(None, &["AA-123-AA", "BB-123-BB"])];
    let new = [permit(None, &["BB-123-BB", "CC-123-CC"]), permit(None, &["CC-123-CC"])];
    let change = Replacement::between(&old, &new);
    let expected = (vec![plate("AA-123-AA")], vec![plate("CC-123-CC")], 1, vec![plate("CC-123-CC")]);
    assert_eq!((change.lost, change.gained, change.kept, change.doubled), expected);
}

#[test]
fn two_sessions_of_a_plate_in_a_zone_never_overlap() {
    let running = active(1, 0, 60);
    let conflict = |other: &Session| other.conflict([&running]);
    assert_eq!(conflict(&session(2, 59, 90)), Err(SessionRefusal::AlreadyParked { id: running.id, until: at(60) }));
    assert_eq!(conflict(&session(2, 60, 90)), Ok(()));
    assert_eq!(conflict(&running), Ok(()), "not with itself");
    assert_eq!(conflict(&Session { zone: zone("B"), ..session(2, 0, 90) }), Ok(()));
    assert_eq!(conflict(&Session { plate: plate("BB-123-BB"), ..session(2, 0, 90) }), Ok(()));
    // An offline session that arrives late, for a time that was taken.
    let operator = SessionSource::Operator { operator: "op".into(), receipt: "r1".into() };
    assert!(conflict(&Session { source: operator, ..session(2, -30, 1) }).is_err());
    let mut failed = session(3, 0, 60);
    failed.fail().unwrap();
    assert_eq!(session(2, 0, 60).conflict([&failed]), Ok(()));
    assert!(session(2, 0, 60).conflict([&session(4, 0, 60)]).is_err(), "a pending one stands in the way");
}

fn command() -> impl Strategy<Value = (Command, i64)> {
    let commands = vec![Command::Confirm, Command::Fail, Command::Extend, Command::Stop, Command::End];
    (prop::sample::select(commands), -10..200i64)
}

proptest! {
    #[test]
    fn whatever_is_asked_a_right_is_what_was_paid(commands in prop::collection::vec(command(), 0..20)) {
        let mut session = session(1, 0, 30);
        let mut paid_until = at(30);
        for (command, minutes) in commands {
            let before = session.clone();
            let result = match command {
                Command::Confirm => session.confirm(),
                Command::Fail => session.fail(),
                Command::Extend => {
                    let end = paid_until + Duration::minutes(minutes);
                    session.extend(SessionSegment { start: paid_until, end, ..segment(0, 0) }).inspect(|()| paid_until = end)
                }
                Command::Stop => session.stop(at(minutes)),
                Command::End => session.end(at(minutes)),
            };
            // A refusal changes nothing; a change raises the version by one.
            match result {
                Err(_) => prop_assert_eq!(&session, &before),
                Ok(()) => prop_assert_eq!(session.version, before.version + 1),
            }
            match session.right() {
                None => prop_assert!(matches!(session.state, SessionState::Pending | SessionState::Failed)),
                Some(right) => {
                    // No minute outside of what was paid, and no two segments at once.
                    prop_assert!(right.segments.iter().all(|s| s.start >= at(0) && s.end <= paid_until));
                    prop_assert!(right.segments.windows(2).all(|pair| pair[0].end == pair[1].start));
                }
            }
        }
    }

    #[test]
    fn at_most_one_plate_of_a_permit_is_covered(
        activations in prop::collection::vec((0..3usize, 0..1100i64), 0..12),
        check in -10..1100i64,
    ) {
        let plates = ["AA-123-AA", "BB-123-BB", "CC-123-CC"];
        let mut permit = permit(None, &plates);
        for (index, minutes) in activations {
            let _ = permit.activate(&plate(plates[index]), at(minutes));
        }
        let rights = permit.rights();
        let covered: Vec<&PlateHash> = rights
            .iter()
            .filter(|right| covered_until(std::slice::from_ref(*right), check).is_some())
            .map(|right| &right.plate)
            .collect();
        prop_assert_eq!(covered, permit.active(at(check)).into_iter().collect::<Vec<_>>());
    }
}
