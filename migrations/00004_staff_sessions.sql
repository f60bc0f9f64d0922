-- +goose Up

-- Sessions of staff who signed in. Only the SHA-256 of a token is kept. The
-- times that a session may last are copied into it when it begins, so that
-- reading it is one look by its hash. It ends at expires_at, when it was not
-- used for idle, and when it is ended.
CREATE TABLE staff_sessions (
    id               uuid        PRIMARY KEY,
    staff_id         uuid        NOT NULL REFERENCES staff,
    hash             bytea       NOT NULL UNIQUE,
    method           text        NOT NULL CHECK (method IN ('password', 'sso')),
    created_at       timestamptz NOT NULL,
    -- When the person last proved who they are, and until when that counts as
    -- recent enough for what is dangerous.
    authenticated_at timestamptz NOT NULL,
    recent_until     timestamptz NOT NULL,
    last_used_at     timestamptz NOT NULL,
    idle             interval    NOT NULL,
    expires_at       timestamptz NOT NULL,
    address          inet,
    ended_at         timestamptz
);
CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id, created_at DESC);

GRANT SELECT, INSERT, UPDATE ON staff_sessions TO kibali_app;
