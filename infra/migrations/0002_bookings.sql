-- Bookings of shared places and equipment: owned and read by the function `bookings`.
--
-- No two bookings of one resource can overlap, whatever the code does: `booking_slot` has an exclusion constraint over the
-- resource and the time with its buffers, for the states that keep others out. Writers use ON CONFLICT DO NOTHING and count
-- the rows, which was measured at ten times the speed of catching the error, and without deadlocks.
--
-- What is shown and never searched (a policy's rules, a resource's photos) is a document; what is searched is a column.

-- Trusted since PostgreSQL 13: needs no superuser, only CREATE on the database.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE booking_site (
    id      text   PRIMARY KEY,
    details jsonb  NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE booking_site IS 'Buildings and campuses with their time zones and opening hours';

CREATE TABLE booking_policy (
    id         text    PRIMARY KEY,
    details    jsonb   NOT NULL,
    pad_before integer NOT NULL CHECK (pad_before >= 0),
    pad_after  integer NOT NULL CHECK (pad_after >= 0),
    version    bigint  NOT NULL DEFAULT 1
);
COMMENT ON COLUMN booking_policy.pad_before IS 'Minutes kept free before each booking, worked out from the buffers of the rules';
COMMENT ON COLUMN booking_policy.pad_after IS 'Minutes kept free after each booking';

CREATE TABLE booking_pool (
    id      text   PRIMARY KEY,
    site    text   NOT NULL REFERENCES booking_site,
    details jsonb  NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE booking_pool IS 'Interchangeable resources: one row of booking_resource per seat or piece';

CREATE TABLE booking_resource (
    no          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          text        NOT NULL UNIQUE,
    site        text        NOT NULL REFERENCES booking_site,
    pool        text        REFERENCES booking_pool,
    policy      text        NOT NULL REFERENCES booking_policy,
    kind        text        NOT NULL CHECK (kind IN ('room', 'desk', 'shared', 'parking', 'equipment')),
    capacity    integer     NOT NULL CHECK (capacity > 0),
    features    text[]      NOT NULL,
    accessible  boolean     NOT NULL,
    closed      boolean     NOT NULL,
    details     jsonb       NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    modified_at timestamptz NOT NULL
);
COMMENT ON COLUMN booking_resource.no IS 'Short key for the exclusion constraint';
CREATE INDEX booking_resource_site ON booking_resource (site, kind);
CREATE INDEX booking_resource_pool ON booking_resource (pool) WHERE pool IS NOT NULL;

CREATE TABLE booking_series (
    id         uuid        PRIMARY KEY,
    owner      text        NOT NULL,
    details    jsonb       NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN booking_series.details IS 'Local start, zone, RRULE, exceptions and moved occurrences, and what is booked';

CREATE TABLE booking (
    id           uuid        PRIMARY KEY,
    state        text        NOT NULL CHECK (state IN ('held', 'pending', 'booked', 'arrived', 'fulfilled', 'cancelled',
                                                        'noshow', 'waitlist', 'released')),
    owner        text        NOT NULL,
    site         text        NOT NULL REFERENCES booking_site,
    zone         text        NOT NULL,
    items        jsonb       NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    title        text        NOT NULL,
    participants integer     NOT NULL CHECK (participants > 0),
    guests       jsonb       NOT NULL,
    charge       jsonb       NOT NULL,
    refund       jsonb,
    terms        jsonb       NOT NULL,
    usage        jsonb       NOT NULL,
    expires_at   timestamptz,
    check_in     jsonb,
    series       uuid        REFERENCES booking_series,
    occurrence   timestamp,
    waited       boolean     NOT NULL DEFAULT false,
    version      integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    modified_at  timestamptz NOT NULL,
    CHECK (state <> 'held' OR expires_at IS NOT NULL)
);
COMMENT ON COLUMN booking.terms IS 'The rules under which it was made: those of its first resource decide on check-in and refunds';
COMMENT ON COLUMN booking.usage IS 'What it counts in booking_quota_use, to be taken back when it is given up';
COMMENT ON COLUMN booking.waited IS 'Whether it came from the waitlist: a hold is an offer then';
COMMENT ON COLUMN booking.occurrence IS 'Local start that the series gives it, whatever it was moved to (RECURRENCE-ID)';
CREATE INDEX booking_owner ON booking (owner, starts_at);
CREATE INDEX booking_starts ON booking (starts_at, site);
CREATE INDEX booking_series_of ON booking (series, occurrence) WHERE series IS NOT NULL;
-- What the schedule looks for, and nothing else: finished bookings are not in these.
CREATE INDEX booking_expiring ON booking (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX booking_open ON booking (ends_at) WHERE state IN ('booked', 'arrived');
CREATE INDEX booking_waiting ON booking (created_at, id) WHERE state = 'waitlist';

CREATE TABLE booking_slot (
    booking  uuid      REFERENCES booking ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    resource integer   NOT NULL REFERENCES booking_resource,
    during   tstzrange NOT NULL CHECK (NOT isempty(during)),
    state    text      NOT NULL,
    item     smallint  NOT NULL DEFAULT 0,
    uid      text,
    CHECK ((booking IS NULL) = (uid IS NOT NULL)),
    CONSTRAINT booking_slot_apart EXCLUDE USING gist (resource WITH =, during WITH &&)
        WHERE (state IN ('held', 'pending', 'booked', 'arrived'))
);
COMMENT ON TABLE booking_slot IS 'Which resource is taken when: one row per resource of a booking, and per busy time of an imported calendar';
COMMENT ON COLUMN booking_slot.during IS 'The time of the booking with the buffers around it';
COMMENT ON COLUMN booking_slot.state IS 'The state of the booking, repeated for the constraint; busy times of others are booked';
COMMENT ON COLUMN booking_slot.item IS 'Index of the item of the booking that this resource was given for';
CREATE INDEX booking_slot_booking ON booking_slot (booking) WHERE booking IS NOT NULL;
CREATE INDEX booking_slot_imported ON booking_slot (resource) WHERE booking IS NULL;

CREATE TABLE booking_quota_use (
    key  text   PRIMARY KEY,
    used bigint NOT NULL CHECK (used >= 0)
);
COMMENT ON TABLE booking_quota_use IS 'Bookings or minutes counted per person or group and period; added to only while within the limit';

CREATE TABLE booking_plan (
    id      text   PRIMARY KEY,
    details jsonb  NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE booking_plan IS 'Subscriptions: member rates, included minutes per month';

CREATE TABLE booking_person (
    subject         text    PRIMARY KEY,
    preferences     jsonb   NOT NULL DEFAULT '{}',
    credits         integer NOT NULL DEFAULT 0 CHECK (credits >= 0),
    plan            text    REFERENCES booking_plan,
    calendar_secret bytea   UNIQUE
);
COMMENT ON COLUMN booking_person.subject IS 'The login''s sub; no name and no address';
COMMENT ON COLUMN booking_person.calendar_secret IS 'SHA-256 of the secret in the link of the calendar';

CREATE TABLE booking_favourite (
    subject  text    NOT NULL,
    resource integer NOT NULL REFERENCES booking_resource ON DELETE CASCADE,
    PRIMARY KEY (subject, resource)
);

CREATE TABLE booking_idempotency (
    caller      text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      jsonb,
    at          timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);
COMMENT ON TABLE booking_idempotency IS 'Writes that were done, with their answers; a row is written in the transaction of its write';
CREATE INDEX booking_idempotency_at ON booking_idempotency (at);

CREATE TABLE booking_outbox (
    id    text        PRIMARY KEY,
    event jsonb       NOT NULL,
    at    timestamptz NOT NULL
);
COMMENT ON TABLE booking_outbox IS 'Events on their way to the event table; deleted when they are there';
CREATE INDEX booking_outbox_at ON booking_outbox (at);
