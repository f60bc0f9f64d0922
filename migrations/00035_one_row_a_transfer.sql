-- +goose Up

-- A transfer is one row from which both of its legs are read: they have always
-- been its mirror images, and writing them cost more than all else of a posting.
-- Nothing refers to another table by a foreign key here, because checking that
-- costs a posting too much; `kibali ledger verify` looks at it.

LOCK TABLE decisions, transfers, entries IN ACCESS EXCLUSIVE MODE; -- nothing is posted meanwhile

-- What is kept from the tables that go. A transfer without its leg has nothing left
-- after it, and is refused further down.
CREATE TEMPORARY TABLE drawn ON COMMIT DROP AS SELECT last_value, is_called FROM transfers_position_seq;
CREATE TEMPORARY TABLE whole ON COMMIT DROP AS
SELECT t.position, t.created_at, t.amount, t.seq, e.held_amount, e.available_after, e.held_after, t.id, a.account_id, t.from_account, t.to_account,
    t.scope, t.actor_id, t.decision_id, t.reverses, t.kind, t.reason, t.request_key, t.reference, t.actor_kind
FROM transfers t
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.from_account::text LIKE '00000000-0000-0000-0000-%' THEN t.to_account ELSE t.from_account END AS account_id
) a
LEFT JOIN entries e ON e.ledger_account = a.account_id AND e.seq = t.seq;
DROP TABLE transfers;
ALTER TABLE entries RENAME TO written_entries;

CREATE TABLE transfers (
    position        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    created_at      timestamptz NOT NULL,
    amount          bigint      NOT NULL, -- above zero
    -- The leg of the user's account: its number among those of the account, what
    -- it changes of the held credits (the rest is of the available ones), and
    -- what it leaves.
    seq             bigint      NOT NULL,
    held_amount     bigint      NOT NULL DEFAULT 0,
    available_after bigint      NOT NULL,
    held_after      bigint      NOT NULL,
    id              uuid        PRIMARY KEY,
    account_id      uuid        NOT NULL, -- from_account or to_account, or both
    from_account    uuid        NOT NULL,
    to_account      uuid        NOT NULL,
    scope           uuid        NOT NULL,
    actor_id        uuid,
    decision_id     uuid,
    reverses        uuid,
    kind            text        NOT NULL,
    reason          text        NOT NULL DEFAULT '',
    request_key     text        NOT NULL,
    reference       text        NOT NULL DEFAULT '',
    actor_kind      text        NOT NULL
);
CREATE UNIQUE INDEX transfers_request ON transfers (scope, request_key);
CREATE UNIQUE INDEX transfers_position ON transfers (position);
CREATE UNIQUE INDEX transfers_account ON transfers (account_id, seq);
CREATE UNIQUE INDEX transfers_reverses ON transfers (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX transfers_decision ON transfers (decision_id) WHERE decision_id IS NOT NULL;
-- What staff look for among charges, of which there are thousands for each.
CREATE INDEX transfers_not_charges ON transfers (position) WHERE kind <> 'charge';
-- Rows lie in the order of their times.
CREATE INDEX transfers_created ON transfers USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
-- What came back to an account, for its timeline.
CREATE INDEX transfers_back ON transfers (to_account, created_at) WHERE kind IN ('charge_refund', 'reversal');

-- Whether a key was posted before is looked up for each charge, by an index. With
-- statistics of a table with next to nothing in it, PostgreSQL would read the table
-- instead, and a connection keeps its plan until there are newer statistics: by then
-- there can be a hundred thousand rows. Without statistics it takes the index.
ALTER TABLE transfers SET (autovacuum_analyze_threshold = 2000, autovacuum_vacuum_insert_threshold = 2000);
-- The legs of all transfers, one row for each ledger account. The seq of a
-- platform account's is the transfer's position.
CREATE VIEW entries AS
SELECT account_id AS ledger_account, seq, position,
    CASE WHEN from_account = to_account THEN 0 WHEN from_account = account_id THEN -amount ELSE amount END - held_amount AS amount,
    held_amount, available_after, held_after
FROM transfers
UNION ALL
SELECT CASE WHEN from_account = account_id THEN to_account ELSE from_account END, position, position,
    CASE WHEN from_account = account_id THEN amount ELSE -amount END, 0, NULL, NULL
FROM transfers WHERE from_account <> to_account;

-- The indexes are there before the rows are: made afterwards, they would leave
-- statistics of however few rows there are.
INSERT INTO transfers OVERRIDING SYSTEM VALUE SELECT * FROM whole ORDER BY position;
SELECT setval('transfers_position_seq', last_value, is_called) FROM drawn;
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (
        SELECT ledger_account, seq, position, amount, held_amount, available_after, held_after FROM written_entries
        EXCEPT ALL SELECT ledger_account, seq, position, amount, held_amount, available_after, held_after FROM entries
    ) OR (SELECT count(*) FROM written_entries) <> (SELECT count(*) FROM entries) THEN
        RAISE EXCEPTION 'the ledger is not sound: see what "kibali ledger verify" of the release before says';
    END IF;
    IF (SELECT count(*) FROM transfers) > 2000 THEN
        ANALYZE transfers;
    END IF;
END
$$;
-- +goose StatementEnd
DROP TABLE written_entries;

-- Append-only, by grant.
GRANT SELECT, INSERT ON transfers TO kibali_app;
GRANT SELECT ON entries TO kibali_app;
GRANT USAGE ON SEQUENCE transfers_position_seq TO kibali_app;
