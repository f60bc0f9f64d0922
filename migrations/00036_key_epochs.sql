-- +goose Up

-- How often an API key of the account was revoked, counted from one. A key that was
-- in force at one count is in force as long as that is the count, so a charge has to
-- look at no other row than the one that it changes and may have waited for.
ALTER TABLE balances ADD COLUMN key_epoch int NOT NULL DEFAULT 1;

-- SECURITY DEFINER: it changes with the keys and in no other way, so the
-- application's role has no right to it.
-- +goose StatementBegin
CREATE FUNCTION count_key_epoch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE balances SET key_epoch = key_epoch + 1 WHERE account_id = OLD.account_id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER api_keys_revoked AFTER UPDATE OF revoked_at ON api_keys
    FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION count_key_epoch();
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION count_key_epoch();

-- The legs of an amount that is none could not be read.
ALTER TABLE transfers ADD CONSTRAINT transfers_amount_check CHECK (amount > 0);
