-- +goose Up

-- How often something was done lately, for limits that hold on every replica.
-- The key is a hash of what is counted, such as an e-mail and an address. The
-- newest element of counts is of the slice of time with the number slice; those
-- before it follow. Unlogged, because a count is worth no more than the minutes it
-- is for: it outlives restarts, and a crash of the database begins it anew.
CREATE UNLOGGED TABLE rates (
    key        bytea       PRIMARY KEY,
    slice      bigint      NOT NULL,
    counts     integer[]   NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

GRANT SELECT, INSERT, UPDATE, DELETE ON rates TO kibali_app;
