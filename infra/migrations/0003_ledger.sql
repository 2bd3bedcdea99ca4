-- The books of parking: owned by the function `ledger`, fed by the stream of payments.
--
-- A movement of money is taken once, by its id; its entry and its document are made in the same transaction. Nothing here is ever
-- changed or deleted: what was wrong is taken back by another entry.

CREATE TABLE ledger_movement (
    id            uuid        PRIMARY KEY,
    at            timestamptz NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('sale', 'refund')),
    sale          uuid        REFERENCES ledger_movement (id) CHECK ((sale IS NULL) = (kind = 'sale')),
    cents         bigint      NOT NULL CHECK (cents >= 0),
    currency      text        NOT NULL,
    vat           integer     NOT NULL CHECK (vat BETWEEN 0 AND 10000),
    payer         text        NOT NULL CHECK (payer IN ('provider', 'wallet', 'invoice')),
    session       uuid        NOT NULL,
    owner         text,
    operator      text,
    zone          text        NOT NULL,
    class         text        NOT NULL,
    qualification text        NOT NULL,
    electric      boolean     NOT NULL,
    stay_from     timestamptz NOT NULL,
    stay_to       timestamptz NOT NULL
);

COMMENT ON TABLE ledger_movement IS 'Money for parking, in and back; free stays with zero';
COMMENT ON COLUMN ledger_movement.owner IS 'Pseudonym of the payer (subject at the issuer); never a name, never a plate';

CREATE INDEX ledger_movement_by_time ON ledger_movement (at);
CREATE INDEX ledger_movement_by_session ON ledger_movement (session);

CREATE TABLE ledger_entry (
    id           uuid    PRIMARY KEY REFERENCES ledger_movement (id),
    date         date    NOT NULL,
    validated_on date    NOT NULL,
    position     bigint  GENERATED ALWAYS AS IDENTITY UNIQUE,
    entry        jsonb   NOT NULL
);

COMMENT ON TABLE ledger_entry IS 'Entries in double entry, as parvis_ledger_rules::Entry';
CREATE INDEX ledger_entry_by_date ON ledger_entry (date, position);

-- The lines once more as rows, for balances. An entry that does not balance is refused.
CREATE TABLE ledger_line (
    entry    uuid   NOT NULL REFERENCES ledger_entry (id),
    account  text   NOT NULL,
    debit    bigint NOT NULL CHECK (debit >= 0),
    credit   bigint NOT NULL CHECK (credit >= 0),
    currency text   NOT NULL,
    CHECK ((debit = 0) <> (credit = 0))
);

CREATE INDEX ledger_line_by_entry ON ledger_line (entry);

CREATE FUNCTION ledger_refuse_unbalanced() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(debit) <> sum(credit) FROM ledger_line WHERE entry = NEW.entry) THEN
        RAISE EXCEPTION 'entry % does not balance', NEW.entry USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER ledger_line_balances AFTER INSERT OR UPDATE ON ledger_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_refuse_unbalanced();

-- The state of each series of numbers: one row, locked while a number is given and its document stored.
CREATE TABLE ledger_series (
    series text    PRIMARY KEY CHECK (series IN ('R', 'F', 'A')),
    number text    NOT NULL,
    date   date    NOT NULL
);

CREATE TABLE ledger_document (
    number    text    PRIMARY KEY,
    movement  uuid    NOT NULL UNIQUE REFERENCES ledger_movement (id),
    session   uuid    NOT NULL,
    owner     text,
    issued_on date    NOT NULL,
    cents     bigint  NOT NULL,
    currency  text    NOT NULL,
    document  jsonb   NOT NULL
);

COMMENT ON TABLE ledger_document IS 'Receipts and credit notes, as parvis_ledger_rules::Document; the same always gives the same PDF';
CREATE INDEX ledger_document_by_owner ON ledger_document (owner, issued_on DESC);
CREATE INDEX ledger_document_by_session ON ledger_document (session);

CREATE FUNCTION ledger_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is not changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER ledger_entry_is_final BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_line_is_final BEFORE UPDATE OR DELETE ON ledger_line
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_document_is_final BEFORE UPDATE OR DELETE ON ledger_document
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
