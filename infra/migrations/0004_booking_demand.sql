-- Expected demand, by which prices may move: owned by the function `bookings`, which takes it over from the forecasts every hour.

CREATE TABLE booking_demand (
    site    text        NOT NULL REFERENCES booking_site ON DELETE CASCADE,
    kind    text        NOT NULL,
    at      timestamptz NOT NULL,
    level   text        NOT NULL CHECK (level IN ('low', 'usual', 'high', 'peak')),
    percent real        NOT NULL,
    PRIMARY KEY (site, kind, at)
);
COMMENT ON TABLE booking_demand IS 'Hours to come of kinds of places whose prices demand may move';
COMMENT ON COLUMN booking_demand.level IS 'With hysteresis against the level that the hour had before';
COMMENT ON COLUMN booking_demand.percent IS 'Places expected to be taken, of those there are';
