-- +goose Up

-- How far what follows the ledger has come: every transfer up to position has
-- been dealt with. next_position is where it will have come to once every
-- transaction older than next_xid has ended.
CREATE TABLE ledger_progress (
    name          text   PRIMARY KEY,
    position      bigint NOT NULL,
    next_position bigint,
    next_xid      bigint,
    CHECK ((next_position IS NULL) = (next_xid IS NULL))
) WITH (fillfactor = 50);
INSERT INTO ledger_progress (name, position) VALUES ('copies', 0);

GRANT SELECT, UPDATE ON ledger_progress TO kibali_app;
