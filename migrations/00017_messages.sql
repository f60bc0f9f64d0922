-- +goose Up

-- An SMS of a customer to one or more recipients. It is inserted together with
-- its charge, to which nothing refers here by a foreign key, as in the ledger.
CREATE TABLE messages (
    id            uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL REFERENCES accounts,
    charge_id     uuid        NOT NULL UNIQUE,
    -- Of what was asked for, to tell a repeated request from another one.
    fingerprint   bytea       NOT NULL,
    sender_id     text        NOT NULL DEFAULT '',
    text          text        NOT NULL,
    segments      integer     NOT NULL CHECK (segments > 0), -- for each recipient
    recipients    integer     NOT NULL CHECK (recipients > 0),
    created_at    timestamptz NOT NULL,
    -- When what could not be handed over is given up, and how long an unknown
    -- outcome is waited for: the policy's, when the message was accepted.
    give_up_at    timestamptz NOT NULL,
    settle_within interval    NOT NULL,
    -- When its case acts next. One that is late was lost.
    wake_at       timestamptz NOT NULL,
    settled_at    timestamptz
);
CREATE INDEX messages_account ON messages (account_id, id DESC);
CREATE INDEX messages_waiting ON messages (wake_at) WHERE settled_at IS NULL;

-- What has become of a message on its way to one recipient. A row is sending
-- while the provider is being asked: whoever finds it so and is not the one who
-- asks takes it for unknown, and never sends it again.
CREATE TABLE message_recipients (
    message_id          uuid        NOT NULL REFERENCES messages,
    position            integer     NOT NULL,
    phone               text        NOT NULL,
    status              text        NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'unknown')),
    failure             text        NOT NULL DEFAULT '',
    provider            text        NOT NULL DEFAULT '',
    provider_message_id text        NOT NULL DEFAULT '',
    attempted_at        timestamptz,
    changed_at          timestamptz NOT NULL,
    refunded_at         timestamptz,
    PRIMARY KEY (message_id, position)
) WITH (fillfactor = 80);
CREATE INDEX message_recipients_phone ON message_recipients (phone);

-- The reports of providers that were believed, so that each counts once.
CREATE TABLE delivery_reports (
    provider            text        NOT NULL,
    provider_message_id text        NOT NULL,
    status              text        NOT NULL,
    received_at         timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_message_id, status)
);

GRANT SELECT, INSERT, UPDATE ON messages, message_recipients TO kibali_app;
GRANT SELECT, INSERT ON delivery_reports TO kibali_app;
