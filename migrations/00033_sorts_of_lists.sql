-- +goose Up

-- What lists are sorted by changes with every use of an account. It stands in
-- narrow tables with nothing but the indexes of that sort: a new version of an
-- account's own row would enter each of its dozen indexes anew.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE account_activity (
    account_id     uuid        PRIMARY KEY,
    status         text        NOT NULL, -- a copy
    -- '-infinity' is never, so that one index serves both directions of a keyset.
    last_active_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE account_credits (
    account_id uuid   PRIMARY KEY,
    status     text   NOT NULL, -- a copy
    -- The list's copy of available + held.
    credits    bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
INSERT INTO account_activity SELECT id, status, last_active_at FROM accounts;
INSERT INTO account_credits SELECT id, status, credits FROM accounts;
CREATE INDEX account_activity_all ON account_activity (last_active_at, account_id);
CREATE INDEX account_activity_status ON account_activity (status, last_active_at, account_id);
CREATE INDEX account_credits_all ON account_credits (credits, account_id);
CREATE INDEX account_credits_status ON account_credits (status, credits, account_id);

-- +goose StatementBegin
CREATE FUNCTION copy_account_sorts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO account_activity (account_id, status) VALUES (NEW.id, NEW.status);
        INSERT INTO account_credits (account_id, status) VALUES (NEW.id, NEW.status);
    ELSE
        UPDATE account_activity SET status = NEW.status WHERE account_id = NEW.id;
        UPDATE account_credits SET status = NEW.status WHERE account_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER accounts_sorted AFTER INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION copy_account_sorts();
CREATE TRIGGER accounts_sorted_again AFTER UPDATE OF status ON accounts
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION copy_account_sorts();

GRANT SELECT, UPDATE (last_active_at) ON account_activity TO kibali_app;
GRANT SELECT, UPDATE (credits) ON account_credits TO kibali_app;

-- Their indexes go with them.
ALTER TABLE accounts DROP COLUMN last_active_at, DROP COLUMN credits;
