-- +goose Up

-- A movement of credits. seq is the number of the account's entry of it, so
-- that the entry is found without an index of its own. A key belongs to who
-- sent it: the same one posts once.
CREATE TABLE transfers (
    position     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    amount       bigint      NOT NULL CHECK (amount > 0),
    seq          bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    id           uuid        PRIMARY KEY,
    from_account uuid        NOT NULL,
    to_account   uuid        NOT NULL,
    scope        uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('top_up', 'charge', 'charge_refund', 'hold', 'release', 'reversal', 'settlement')),
    reason       text        NOT NULL DEFAULT '',
    request_key  text        NOT NULL,
    reference    text        NOT NULL DEFAULT '',
    actor_kind   text        NOT NULL CHECK (actor_kind IN ('staff', 'account', 'service', 'system')),
    actor_id     uuid,
    decision_id  uuid        REFERENCES decisions,
    reverses     uuid        REFERENCES transfers
);
CREATE UNIQUE INDEX transfers_request ON transfers (scope, request_key);
CREATE UNIQUE INDEX transfers_position ON transfers (position);
CREATE UNIQUE INDEX transfers_reverses ON transfers (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX transfers_decision ON transfers (decision_id) WHERE decision_id IS NOT NULL;
-- What staff look for among charges, of which there are thousands for each.
CREATE INDEX transfers_not_charges ON transfers (position) WHERE kind <> 'charge';

-- One leg of a transfer on one ledger account: an account's, or one of the
-- platform's, whose seq is the transfer's position. Nothing refers to a row by
-- a foreign key here, because checking it would cost more than the posting;
-- `kibali ledger verify` checks it.
CREATE TABLE entries (
    seq             bigint NOT NULL,
    amount          bigint NOT NULL,
    held_amount     bigint NOT NULL,
    available_after bigint,
    held_after      bigint,
    ledger_account  uuid   NOT NULL,
    transfer_id     uuid   NOT NULL,
    PRIMARY KEY (ledger_account, seq)
);

-- What an account has. The row carries the whole guard of a charge: the
-- account's status and block are copied into it in the transaction that changes
-- them. There is no index on what changes, and room in the pages, so that a
-- posting touches the row's page alone.
CREATE TABLE balances (
    account_id uuid        PRIMARY KEY REFERENCES accounts,
    available  bigint      NOT NULL DEFAULT 0,
    held       bigint      NOT NULL DEFAULT 0,
    seq        bigint      NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT '-infinity',
    blocked_by uuid,
    status     text        NOT NULL,
    CONSTRAINT balances_not_overdrawn CHECK (available >= 0 AND held >= 0)
) WITH (fillfactor = 70);

-- The platform's accounts have no balance row. A checkpoint is the sum of an
-- account's entries up to a position behind which nothing is under way.
CREATE TABLE ledger_checkpoints (
    ledger_account uuid        NOT NULL,
    position       bigint      NOT NULL,
    balance        numeric     NOT NULL,
    -- The newest of the entries that it covers.
    newest_at      timestamptz NOT NULL,
    PRIMARY KEY (ledger_account, position)
);

-- SECURITY DEFINER: the copies change with the account and in no other way, so
-- the application's role has no right to them.
-- +goose StatementBegin
CREATE FUNCTION copy_account_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO balances (account_id, status, blocked_by) VALUES (NEW.id, NEW.status, NEW.blocked_by);
    ELSE
        UPDATE balances SET status = NEW.status, blocked_by = NEW.blocked_by WHERE account_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER accounts_balance AFTER INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION copy_account_status();
CREATE TRIGGER accounts_balance_status AFTER UPDATE OF status, blocked_by ON accounts
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.blocked_by IS DISTINCT FROM NEW.blocked_by)
    EXECUTE FUNCTION copy_account_status();
INSERT INTO balances (account_id, status, blocked_by) SELECT id, status, blocked_by FROM accounts;

-- Append-only, by grant.
GRANT SELECT, INSERT ON transfers, entries, ledger_checkpoints TO kibali_app;
GRANT SELECT, UPDATE (available, held, seq, changed_at) ON balances TO kibali_app;
