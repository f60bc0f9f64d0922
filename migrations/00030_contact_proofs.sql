-- +goose Up

-- When the user proved to have the mailbox and the phone; null while they have
-- not.
ALTER TABLE accounts
    ADD COLUMN email_verified_at timestamptz,
    ADD COLUMN phone_verified_at timestamptz;

-- That somebody is to prove to have an e-mail address, by a link that is mailed
-- there, or a phone, by a code that is sent there: the account's own, or one that
-- takes its place when it is proved. Neither the link's token nor the code is
-- kept; both are made of the id and a key when they are sent.
CREATE TABLE contact_proofs (
    id           uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES accounts,
    contact      text        NOT NULL CHECK (contact IN ('email', 'phone')),
    value        text        NOT NULL,
    -- Whether it takes the place of the account's own; once it has, what that was,
    -- and what the notification is named after that tells of it there.
    change       boolean     NOT NULL,
    previous     text        NOT NULL DEFAULT '',
    told_by      uuid        UNIQUE,
    -- The session that asked for the change.
    session_id   uuid,
    requested_at timestamptz NOT NULL,
    -- When it was first sent; from then on it is good until expires_at.
    issued_at    timestamptz,
    expires_at   timestamptz,
    secret_hash  bytea,
    -- How many codes were tried.
    tries        smallint    NOT NULL DEFAULT 0,
    outcome      text        CHECK (outcome IN ('proved', 'replaced', 'exhausted', 'void')),
    closed_at    timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL)),
    CHECK ((issued_at IS NULL) = (expires_at IS NULL)),
    CHECK ((issued_at IS NULL) = (secret_hash IS NULL))
);
CREATE UNIQUE INDEX contact_proofs_open ON contact_proofs (account_id, contact) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX contact_proofs_secret ON contact_proofs (secret_hash) WHERE contact = 'email';
CREATE INDEX contact_proofs_account ON contact_proofs (account_id);
CREATE INDEX contact_proofs_requested ON contact_proofs (requested_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON contact_proofs TO kibali_app;
