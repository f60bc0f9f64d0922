-- +goose Up

-- An entry names its transfer by the position, which is shorter than its id and
-- lets the entries of a range of transfers be read together: rows lie in the
-- order of their positions, so an index of a few pages is enough.
ALTER TABLE entries ADD COLUMN position bigint;
UPDATE entries e SET position = t.position FROM transfers t WHERE t.id = e.transfer_id;
ALTER TABLE entries ALTER COLUMN position SET NOT NULL, DROP COLUMN transfer_id;
CREATE INDEX entries_position ON entries USING brin (position) WITH (pages_per_range = 32, autosummarize = on);

-- What makes it evident when somebody has changed the ledger behind Kibali's
-- back: a hash over all transfers and entries of a range of positions, and over
-- the seal before it.
CREATE TABLE ledger_seals (
    number        bigint      PRIMARY KEY,
    from_position bigint      NOT NULL UNIQUE, -- exclusive
    to_position   bigint      NOT NULL UNIQUE,
    transfers     bigint      NOT NULL,
    hash          bytea       NOT NULL,
    sealed_at     timestamptz NOT NULL,
    CHECK (from_position < to_position)
);
INSERT INTO ledger_progress (name, position) VALUES ('seals', 0);

-- Append-only, by grant.
GRANT SELECT, INSERT ON ledger_seals TO kibali_app;
