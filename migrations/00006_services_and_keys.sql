-- +goose Up

-- What the credential of a platform's gateway may do, how its owner knows it
-- again, who made it, and when it was last used. A revoked one gives its name
-- back. Services from before may do everything, as they could.
ALTER TABLE services
    ADD COLUMN scopes       text[]      NOT NULL DEFAULT '{authorize,charges,refunds}'
        CHECK (cardinality(scopes) > 0 AND scopes <@ '{authorize,charges,refunds}'),
    ADD COLUMN prefix       text        NOT NULL DEFAULT '',
    ADD COLUMN created_by   uuid        REFERENCES staff,
    ADD COLUMN last_used_at timestamptz;
ALTER TABLE services ALTER COLUMN scopes DROP DEFAULT;
ALTER TABLE services DROP CONSTRAINT services_name_key;
CREATE UNIQUE INDEX services_name ON services (name) WHERE revoked_at IS NULL;

-- Keys of accounts to the API and the gate. Only the SHA-256 of a key is kept,
-- and its first characters, by which its owner knows it again. Nothing that
-- changes with use is indexed, so that noting a use touches no index.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES accounts,
    name         text        NOT NULL,
    prefix       text        NOT NULL,
    hash         bytea       NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
) WITH (fillfactor = 85);
CREATE INDEX api_keys_account ON api_keys (account_id) WHERE revoked_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON api_keys TO kibali_app;
