-- +goose Up

-- A request for another password: by anyone for an e-mail, or by staff for an
-- account. It is recorded and told to its case whether or not anybody has the
-- e-mail, so that nothing tells the two apart. The token itself is kept nowhere;
-- it is made of the id and a key when it is mailed.
CREATE TABLE password_resets (
    id           uuid        PRIMARY KEY,
    -- As it was asked for; erased when the case closes.
    email        text,
    -- Whose password it is; null until the case has looked, and for good when
    -- nobody has the e-mail.
    account_id   uuid        REFERENCES accounts,
    -- The decision of staff that forced it.
    decision_id  uuid        REFERENCES decisions,
    requested_at timestamptz NOT NULL,
    -- When the case took it up; from then on the link is good until expires_at.
    issued_at    timestamptz,
    expires_at   timestamptz,
    token_hash   bytea       UNIQUE,
    outcome      text        CHECK (outcome IN ('used', 'expired', 'replaced', 'lapsed')),
    closed_at    timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL)),
    CHECK ((issued_at IS NULL) = (expires_at IS NULL))
);
CREATE INDEX password_resets_account ON password_resets (account_id, requested_at DESC);
CREATE INDEX password_resets_waiting ON password_resets (requested_at) WHERE issued_at IS NULL AND closed_at IS NULL;
CREATE INDEX password_resets_open ON password_resets (expires_at) WHERE closed_at IS NULL;
CREATE INDEX password_resets_closed ON password_resets (closed_at) WHERE decision_id IS NULL;
CREATE INDEX password_resets_decision ON password_resets (decision_id);

-- The decision that forces a reset: until the password is another one, the
-- right one opens nothing.
ALTER TABLE logins ADD COLUMN reset_required_by uuid REFERENCES decisions;

-- The case that sends a notice, where it is not the decision's or the review.
ALTER TABLE notices ADD COLUMN case_id text NOT NULL DEFAULT '';

GRANT SELECT, INSERT, UPDATE, DELETE ON password_resets TO kibali_app;
