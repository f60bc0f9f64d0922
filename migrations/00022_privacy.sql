-- +goose Up

-- When everything personal was taken out of a closed account.
ALTER TABLE accounts ADD COLUMN erased_at timestamptz CHECK (erased_at IS NULL OR status = 'closed');
-- What is looked for when closed accounts are kept for a time only.
CREATE INDEX accounts_kept ON accounts (stage_since) WHERE status = 'closed' AND erased_at IS NULL;

-- From discarded_at on nobody is given a document's file. Its original and page
-- images are deleted after that; deleted_at says that storage has confirmed it.
ALTER TABLE documents
    ADD COLUMN discarded_at  timestamptz,
    ADD COLUMN discarded_for text CHECK (discarded_for IN ('retention', 'erasure')),
    ADD COLUMN deleted_at    timestamptz,
    ADD CONSTRAINT documents_discarded CHECK ((discarded_at IS NULL) = (discarded_for IS NULL)),
    ADD CONSTRAINT documents_deleted CHECK (deleted_at IS NULL OR discarded_at IS NOT NULL);
CREATE INDEX documents_to_delete ON documents (discarded_at) WHERE discarded_at IS NOT NULL AND deleted_at IS NULL;

-- An erasure takes these rows away; all that they did is in the audit trail.
GRANT DELETE ON logins, sessions, api_keys TO kibali_app;
