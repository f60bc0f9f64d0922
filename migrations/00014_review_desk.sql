-- +goose Up

-- Who is looking at an application, so that two reviewers do not look at the
-- same one. A claim keeps nobody from deciding, ends by itself, and is no part
-- of the record.
CREATE TABLE review_claims (
    account_id uuid        PRIMARY KEY REFERENCES accounts,
    staff_id   uuid        NOT NULL REFERENCES staff,
    claimed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX review_claims_staff ON review_claims (staff_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON review_claims TO kibali_app;

-- How many pending accounts there are in each stage.
CREATE INDEX accounts_pending_stage ON accounts (stage) WHERE status = 'pending';

-- What a reviewer is told of applications that resemble each other.
CREATE INDEX accounts_same_number ON accounts (upper(regexp_replace(company_registration_number, '[^[:alnum:]]', '', 'g')))
    WHERE company_registration_number <> '';
CREATE INDEX accounts_same_tin ON accounts (company_tin) WHERE company_tin <> '';
-- An e-mail or phone is in use once; those that were given back may repeat.
CREATE INDEX accounts_released_email ON accounts (email) WHERE contact_released_at IS NOT NULL;
CREATE INDEX accounts_released_phone ON accounts (phone) WHERE contact_released_at IS NOT NULL;
