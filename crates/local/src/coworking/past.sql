-- Bookings of the last weeks: those of the coming days, one to six weeks ago, most of them attended. Shifted by the local clock.
WITH weeks AS (
    SELECT b.id AS source, w.week, gen_random_uuid() AS id,
           (b.starts_at AT TIME ZONE b.zone - make_interval(weeks => w.week)) AT TIME ZONE b.zone AS starts,
           (b.ends_at AT TIME ZONE b.zone - make_interval(weeks => w.week)) AT TIME ZONE b.zone AS ends,
           abs(hashtext(b.title || w.week)) % 10 AS fate
    FROM booking b CROSS JOIN generate_series(1, 6) AS w(week)
    WHERE b.series IS NULL AND b.state IN ('booked', 'arrived')),
past AS (
    SELECT w.*, CASE WHEN w.fate = 0 AND b.terms->>'check_in' IS NOT NULL THEN 'noshow'
                     WHEN w.fate = 1 THEN 'cancelled' ELSE 'fulfilled' END AS ended
    FROM weeks w JOIN booking b ON b.id = w.source
    -- A week has its own look: not everybody comes every week.
    WHERE w.ends < now() AND w.fate < 8),
made AS (
    INSERT INTO booking (id, state, owner, site, zone, items, starts_at, ends_at, title, participants, guests, charge, refund, terms,
                         usage, check_in, version, created_at, modified_at)
    SELECT p.id, p.ended, b.owner, b.site, b.zone, b.items, p.starts, p.ends, b.title, b.participants, b.guests, b.charge,
           CASE WHEN p.ended <> 'noshow' THEN jsonb_build_object(
               'percent', CASE p.ended WHEN 'cancelled' THEN 100 ELSE 0 END,
               'price', jsonb_set(b.charge->'total', '{cents}', CASE p.ended WHEN 'cancelled' THEN b.charge->'total'->'cents' ELSE '0' END),
               'deposit', b.charge->'deposit', 'credits', 0, 'included_minutes', 0) END,
           b.terms, '[]',
           CASE p.ended WHEN 'fulfilled' THEN jsonb_build_object('at', to_jsonb(p.starts + make_interval(mins => p.fate::int)), 'by_code', false) END,
           2, p.starts - interval '3 days', CASE p.ended WHEN 'cancelled' THEN p.starts - interval '2 days' ELSE p.ends END
    FROM past p JOIN booking b ON b.id = p.source),
taken AS (
    INSERT INTO booking_slot (booking, resource, during, state, item)
    SELECT p.id, s.resource, tstzrange(p.starts, p.ends), p.ended, s.item
    FROM past p JOIN booking_slot s ON s.booking = p.source),
seen AS (
    -- What the sensor of the room saw: people come some minutes late and leave some minutes early.
    SELECT r.details->'sensor' AS sensor, p.starts + make_interval(mins => p.fate::int) AS came,
           p.ends - make_interval(mins => (3 * p.fate)::int) AS went
    FROM past p JOIN booking_slot s ON s.booking = p.source JOIN booking_resource r ON r.no = s.resource
    WHERE p.ended = 'fulfilled' AND jsonb_typeof(r.details->'sensor') = 'object')
INSERT INTO parking_transition (place, zone, space, at, kind, dwell_seconds, version)
SELECT sensor->>'place', sensor->>'zone', (sensor->>'space')::int, t.at, t.kind, t.dwell, 1
FROM seen CROSS JOIN LATERAL (VALUES (came, 'park_start', NULL::bigint),
                                     (went, 'park_end', extract(epoch FROM went - came)::bigint)) AS t(at, kind, dwell)
ON CONFLICT DO NOTHING
