-- What happened in the parking spaces: owned by the function `history`, read by `occupancy`.
--
-- Rows come from the stream of the live state, which may deliver an image again or, when a shard changes hands, twice at
-- the same time. `version` is the version of the block whose image said so; where images contradict each other the later one
-- holds, in whatever order they are applied.
--
-- Tables are partitioned by month (UTC) of the event, so that old months can be dropped at once.

CREATE TABLE parking_transition (
    place         text        NOT NULL,
    zone          text        NOT NULL,
    space         integer     NOT NULL CHECK (space BETWEEN 1 AND 9999),
    at            timestamptz NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('park_start', 'park_end', 'comms_lost', 'comms_restored')),
    dwell_seconds bigint      CHECK (dwell_seconds IS NULL OR (dwell_seconds >= 0 AND kind = 'park_end')),
    version       bigint      NOT NULL,
    PRIMARY KEY (place, zone, space, at, kind)
) PARTITION BY RANGE (at);

COMMENT ON TABLE parking_transition IS 'Arrivals and departures per space, and sensors lost and found (names as in CDS curb events)';
COMMENT ON COLUMN parking_transition.at IS 'Device time; of comms_lost the moment at which the silence became too long';
COMMENT ON COLUMN parking_transition.dwell_seconds IS 'Whole seconds since the park_start before a park_end; null when that is not known';
COMMENT ON COLUMN parking_transition.version IS 'Version of the live block that told it';

CREATE INDEX parking_transition_newest ON parking_transition (place, at DESC, zone, space, kind);

-- Transitions that a late reading proved wrong. Without this memory an older image that comes again would revive them.
CREATE TABLE parking_retraction (
    place   text        NOT NULL,
    zone    text        NOT NULL,
    space   integer     NOT NULL,
    at      timestamptz NOT NULL,
    kind    text        NOT NULL,
    version bigint      NOT NULL,
    PRIMARY KEY (place, zone, space, at, kind)
) PARTITION BY RANGE (at);

COMMENT ON TABLE parking_retraction IS 'Transitions taken back by a late reading';

CREATE TABLE parking_reading (
    place    text             NOT NULL,
    zone     text             NOT NULL,
    at       timestamptz      NOT NULL,
    occupied integer          NOT NULL CHECK (occupied >= 0),
    capacity integer          NOT NULL CHECK (capacity >= 0),
    percent  double precision CHECK (percent BETWEEN 0 AND 100),
    version  bigint           NOT NULL,
    PRIMARY KEY (place, zone, at)
) PARTITION BY RANGE (at);

COMMENT ON TABLE parking_reading IS 'Readings of zones that are counted and not sensed space by space';
COMMENT ON COLUMN parking_reading.percent IS 'The percentage as the counter sent it, if it sent one; occupied is then rounded to vehicles';
COMMENT ON COLUMN parking_reading.version IS 'Version of the live block that told it; the first reading of a time holds';

-- Makes the partitions of the given months (any day of each) where they are missing.
--
-- A partition is made apart and then attached: that locks out neither readers nor writers, which CREATE TABLE .. PARTITION OF
-- would do. Call it outside of the transaction that writes.
CREATE FUNCTION parking_ensure_partitions(months date[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    day       date;
    parent    text;
    partition text;
    month     timestamp;
BEGIN
    FOREACH day IN ARRAY months LOOP
        month := date_trunc('month', day);
        FOREACH parent IN ARRAY ARRAY['parking_transition', 'parking_retraction', 'parking_reading'] LOOP
            partition := format('%s_%s', parent, to_char(month, 'YYYYMM'));
            CONTINUE WHEN to_regclass(partition) IS NOT NULL;
            -- Two sandboxes may want the same month at the same time.
            PERFORM pg_advisory_xact_lock(hashtextextended('parking_ensure_partitions', 0));
            CONTINUE WHEN to_regclass(partition) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, parent);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, partition, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'
            );
        END LOOP;
    END LOOP;
END
$$;

COMMENT ON FUNCTION parking_ensure_partitions IS 'Makes the monthly partitions of the parking tables where they are missing';
