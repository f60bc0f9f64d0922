-- +goose Up

-- Who a staff member is to the identity provider that they sign in through: an
-- issuer's name for them, which is never given to somebody else, as an e-mail
-- address may be. Such staff have no password.
CREATE TABLE staff_identities (
    issuer    text        NOT NULL,
    subject   text        NOT NULL,
    staff_id  uuid        NOT NULL UNIQUE REFERENCES staff,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- The sign-ins through the provider that were used up, until they would be too
-- old anyway. Only a SHA-256 is kept.
CREATE TABLE staff_sign_ons (
    state   bytea       PRIMARY KEY,
    used_at timestamptz NOT NULL
);
CREATE INDEX staff_sign_ons_used ON staff_sign_ons (used_at);

GRANT SELECT, INSERT, DELETE ON staff_identities, staff_sign_ons TO kibali_app;
