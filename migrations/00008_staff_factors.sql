-- +goose Up

-- The second factor of a staff member: the secret of their time-based codes,
-- sealed under a key that the database does not have. pending waits for its
-- first code. Of a secret's time steps none is accepted twice, nor one before
-- it. tries are the wrong codes since tries_since.
CREATE TABLE staff_factors (
    staff_id      uuid        PRIMARY KEY REFERENCES staff,
    secret        bytea,
    confirmed_at  timestamptz,
    pending       bytea,
    pending_since timestamptz,
    last_step     bigint      NOT NULL DEFAULT 0,
    tries         integer     NOT NULL DEFAULT 0,
    tries_since   timestamptz NOT NULL,
    CHECK ((secret IS NULL) = (confirmed_at IS NULL)),
    CHECK ((pending IS NULL) = (pending_since IS NULL))
);

-- Codes for the day on which the device is lost, each good once. Only the
-- SHA-256 of a code is kept.
CREATE TABLE staff_recovery_codes (
    hash     bytea PRIMARY KEY,
    staff_id uuid  NOT NULL REFERENCES staff,
    used_at  timestamptz
);
CREATE INDEX staff_recovery_codes_staff ON staff_recovery_codes (staff_id);

-- Whether the session began with a second factor, ours or the one of the
-- identity provider.
ALTER TABLE staff_sessions ADD COLUMN second_factor boolean NOT NULL DEFAULT false;

GRANT SELECT, INSERT, UPDATE ON staff_factors TO kibali_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_recovery_codes TO kibali_app;
