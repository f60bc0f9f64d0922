-- +goose Up

-- A file that an applicant sends in parts, over a line that breaks now and then:
-- what has arrived of it, until it is whole and a document, or a day has gone by.
CREATE TABLE partial_uploads (
    id         uuid        PRIMARY KEY,
    account_id uuid        NOT NULL REFERENCES accounts,
    size       bigint      NOT NULL CHECK (size > 0),
    received   bigint      NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    begun_at   timestamptz NOT NULL
);
CREATE INDEX partial_uploads_account ON partial_uploads (account_id, begun_at);
CREATE INDEX partial_uploads_begun ON partial_uploads (begun_at);
CREATE TABLE partial_upload_parts (
    upload_id uuid   NOT NULL REFERENCES partial_uploads ON DELETE CASCADE,
    at        bigint NOT NULL,
    content   bytea  NOT NULL,
    PRIMARY KEY (upload_id, at)
);
-- Pictures and PDFs are compressed as they are.
ALTER TABLE partial_upload_parts ALTER content SET STORAGE EXTERNAL;
GRANT SELECT, INSERT, UPDATE, DELETE ON partial_uploads TO kibali_app;
GRANT SELECT, INSERT, DELETE ON partial_upload_parts TO kibali_app;
