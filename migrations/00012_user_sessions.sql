-- +goose Up

-- A session of a user also ends when it was not used for a while. A token that
-- adds documents is idle for as long as it lasts.
ALTER TABLE sessions
    ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN idle         interval    NOT NULL DEFAULT '30 days',
    ADD COLUMN address      inet;
ALTER TABLE sessions ALTER COLUMN last_used_at DROP DEFAULT, ALTER COLUMN idle DROP DEFAULT;
