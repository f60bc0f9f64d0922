-- +goose Up

-- What a personal access token is limited to; null is everything that the role
-- permits.
ALTER TABLE staff_tokens ADD COLUMN scopes text[], ADD COLUMN last_used_at timestamptz;

-- A one-time link by which a staff member chooses a password. Only the SHA-256
-- of its token is kept.
CREATE TABLE staff_invitations (
    id         uuid        PRIMARY KEY,
    staff_id   uuid        NOT NULL REFERENCES staff,
    hash       bytea       NOT NULL UNIQUE,
    invited_by uuid        REFERENCES staff,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz -- used, or replaced by another
);
CREATE INDEX staff_invitations_staff ON staff_invitations (staff_id) WHERE ended_at IS NULL;

-- The result of a request by staff that made no decision, sealed, for replays
-- of its Idempotency-Key.
ALTER TABLE idempotency_keys ADD COLUMN result bytea;

GRANT SELECT, INSERT, UPDATE ON staff_invitations TO kibali_app;
