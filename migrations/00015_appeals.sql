-- +goose Up

-- What the user of a suspended account has to say against the suspension.
-- accepted_at is when the case took it up; until then a sweep tells the case
-- again. It is moot when the suspension ended in another way.
CREATE TABLE appeals (
    id          uuid        PRIMARY KEY,
    account_id  uuid        NOT NULL REFERENCES accounts,
    decision_id uuid        NOT NULL REFERENCES decisions,
    text        text        NOT NULL,
    made_at     timestamptz NOT NULL,
    -- When the admins are reminded, and when they are told that it is overdue.
    remind_at   timestamptz NOT NULL,
    escalate_at timestamptz NOT NULL,
    accepted_at timestamptz,
    outcome     text        CHECK (outcome IN ('granted', 'dismissed', 'moot')),
    closed_by   uuid        REFERENCES decisions,
    closed_at   timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX appeals_open ON appeals (account_id) WHERE outcome IS NULL;
CREATE INDEX appeals_account ON appeals (account_id, made_at DESC, id DESC);
CREATE INDEX appeals_made ON appeals (made_at DESC, id DESC);
CREATE INDEX appeals_waiting ON appeals (made_at) WHERE accepted_at IS NULL AND outcome IS NULL;
-- The decision that answers an appeal.
ALTER TABLE decisions ADD COLUMN appeal_id uuid REFERENCES appeals;
-- What the sweep looks for: appeals whose deadline passed unseen.
CREATE INDEX accounts_appeal ON accounts (remind_at) WHERE status = 'suspended';
-- A token for making an appeal and nothing else.
ALTER TABLE sessions DROP CONSTRAINT sessions_purpose_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_purpose_check CHECK (purpose IN ('session', 'upload', 'appeal'));
GRANT SELECT, INSERT, UPDATE ON appeals TO kibali_app;
