-- People come some minutes late and leave some minutes early.
WITH seen AS (
    SELECT r.details->'sensor' AS sensor,
           b.starts_at + make_interval(mins => (abs(hashtext(b.id::text)) % 10)::int) AS came,
           b.ends_at - make_interval(mins => (abs(hashtext(b.id::text)) % 25)::int) AS went
    FROM booking b JOIN booking_slot s ON s.booking = b.id JOIN booking_resource r ON r.no = s.resource
    WHERE b.state = 'fulfilled' AND b.ends_at < now() AND jsonb_typeof(r.details->'sensor') = 'object')
INSERT INTO parking_transition (place, zone, space, at, kind, dwell_seconds, version)
SELECT sensor->>'place', sensor->>'zone', (sensor->>'space')::int, t.at, t.kind, t.dwell, 1
FROM seen CROSS JOIN LATERAL (VALUES (came, 'park_start', NULL::bigint),
                                     (went, 'park_end', extract(epoch FROM went - came)::bigint)) AS t(at, kind, dwell)
ON CONFLICT DO NOTHING
