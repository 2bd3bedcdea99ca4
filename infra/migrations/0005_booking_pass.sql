-- The end of a subscription, of which its holder is reminded: owned by the function `bookings`.

ALTER TABLE booking_person ADD COLUMN plan_until timestamptz;
COMMENT ON COLUMN booking_person.plan_until IS 'The plan counts for bookings that start before; without end when null';
