-- +goose Up

-- The three sorts of the list, for every tab and for all of them together.
-- The id breaks ties, so that a keyset page has one beginning.
CREATE INDEX accounts_registered ON accounts (registered_at, id);
CREATE INDEX accounts_active ON accounts (last_active_at, id);
CREATE INDEX accounts_credits ON accounts (credits, id);
CREATE INDEX accounts_status_registered ON accounts (status, registered_at, id);
CREATE INDEX accounts_status_active ON accounts (status, last_active_at, id);
CREATE INDEX accounts_status_credits ON accounts (status, credits, id);

-- Nothing compares these whole texts, and statistics of them are large.
ALTER TABLE accounts ALTER COLUMN search_text SET STATISTICS 0;

-- What the list's search finds by index. It is a table of its own because an
-- account's row changes with every use of the account, and a new version of a
-- row enters all indexes of its table anew; this one changes with the status
-- and with a corrected application only. Triggers keep it, nobody else may.
CREATE TABLE account_search (
    account_id    uuid        PRIMARY KEY,
    status        text        NOT NULL,
    registered_at timestamptz NOT NULL,
    search_text   text        NOT NULL
);
ALTER TABLE account_search ALTER COLUMN search_text SET STATISTICS 0;

-- The runs of three characters in the words of t, with what is left at the end of
-- a word, and the status behind a space, which no run contains. Whatever is
-- part of a word is the beginning of one of them, or made of several. Each pass
-- puts a space behind every third character, which cuts the words into runs.
-- The cost keeps the planner from computing this row by row.
-- +goose StatementBegin
CREATE FUNCTION search_runs(t text, status text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
BEGIN
    t := replace(t, E'\n', ' ');
    RETURN array_to_tsvector(array_remove(string_to_array(
        regexp_replace(t, '(...)', '\1 ', 'g') || ' ' ||
        regexp_replace(substr(t, 2), '(...)', '\1 ', 'g') || ' ' ||
        regexp_replace(substr(t, 3), '(...)', '\1 ', 'g'), ' '), '') || (' ' || status));
END
$$;
-- +goose StatementEnd
-- A new row enters this index some eighty times. The pending list makes that
-- several times cheaper; it is kept short because every search reads it.
CREATE INDEX account_search_runs ON account_search
    USING gin (search_runs(search_text, status)) WITH (fastupdate = on, gin_pending_list_limit = 128);
ALTER INDEX account_search_runs ALTER COLUMN 1 SET STATISTICS 0;

-- +goose StatementBegin
CREATE FUNCTION copy_account_search() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO account_search (account_id, status, registered_at, search_text)
        VALUES (NEW.id, NEW.status, NEW.registered_at, NEW.search_text);
    ELSE
        UPDATE account_search SET status = NEW.status, search_text = NEW.search_text WHERE account_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER accounts_searchable AFTER INSERT ON accounts
    FOR EACH ROW EXECUTE FUNCTION copy_account_search();
CREATE TRIGGER accounts_searchable_again AFTER UPDATE OF status, search_text ON accounts
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.search_text <> NEW.search_text)
    EXECUTE FUNCTION copy_account_search();
INSERT INTO account_search (account_id, status, registered_at, search_text)
SELECT id, status, registered_at, search_text FROM accounts;

GRANT SELECT ON account_search TO kibali_app;
