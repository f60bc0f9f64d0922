-- +goose Up

-- The owner of the schema runs migrations; `serve` and `worker` connect as
-- kibali_app, which can neither change the schema nor rewrite the audit trail.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kibali_app') THEN
        RAISE EXCEPTION 'role kibali_app does not exist'
            USING HINT = 'Create it first: CREATE ROLE kibali_app LOGIN PASSWORD ''...'';';
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
-- +goose StatementEnd

-- Policy: deadlines, thresholds, limits. A change is a new version; a case
-- keeps the version it was opened under.
CREATE TABLE policies (
    version    integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    content    jsonb       NOT NULL,
    note       text        NOT NULL DEFAULT '',
    changed_by uuid,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE staff (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL UNIQUE,
    name          text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('admin', 'reviewer', 'finance', 'support', 'auditor')),
    password_hash text,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);
ALTER TABLE policies ADD FOREIGN KEY (changed_by) REFERENCES staff;

-- Personal access tokens of staff. Only the SHA-256 of a token is kept.
CREATE TABLE staff_tokens (
    id         uuid        PRIMARY KEY,
    staff_id   uuid        NOT NULL REFERENCES staff,
    hash       bytea       NOT NULL UNIQUE,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX staff_tokens_staff ON staff_tokens (staff_id);

-- A platform's own gateway and its credential.
CREATE TABLE services (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL UNIQUE,
    hash       bytea       NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE accounts (
    id                          uuid        PRIMARY KEY,
    name                        text        NOT NULL,
    email                       text        NOT NULL,
    phone                       text        NOT NULL,
    locale                      text        NOT NULL CHECK (locale IN ('en', 'sw')),
    company_name                text        NOT NULL,
    company_industry            text        NOT NULL,
    company_registration_number text        NOT NULL DEFAULT '',
    company_tin                 text        NOT NULL DEFAULT '',
    company_website             text        NOT NULL DEFAULT '',
    company_address             text        NOT NULL DEFAULT '',
    status                      text        NOT NULL CHECK (status IN ('pending', 'active', 'suspended', 'rejected', 'closed')),
    stage                       text        NOT NULL DEFAULT '' CHECK ((status = 'pending') = (stage <> '')),
    stage_since                 timestamptz NOT NULL,
    -- When the present stage reminds and when it ends (expiry, or escalation
    -- of a review). Null where the stage has no deadline.
    remind_at                   timestamptz,
    deadline_at                 timestamptz,
    -- The decision that made the present status, when staff made it; of an
    -- account in review, the unanswered request for changes.
    decided_by                  uuid,
    -- An open decision to suspend: the gate refuses from the moment it is recorded.
    blocked_by                  uuid,
    suspended_until             timestamptz,
    registered_at               timestamptz NOT NULL,
    -- '-infinity' is never, so that one index serves both directions of a keyset.
    last_active_at              timestamptz NOT NULL DEFAULT '-infinity',
    -- The list's copy of available + held.
    credits                     bigint      NOT NULL DEFAULT 0,
    -- Set when an expired application gives its e-mail and phone back.
    contact_released_at         timestamptz,
    -- Lower-case name, e-mail, company and every notation of the phone.
    search_text                 text        NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (email) WHERE contact_released_at IS NULL;
CREATE UNIQUE INDEX accounts_phone ON accounts (phone) WHERE contact_released_at IS NULL;
-- What the sweep looks for: deadlines that passed unseen.
CREATE INDEX accounts_deadline ON accounts (deadline_at) WHERE status = 'pending';
-- The queue of the reviewers, by when a review is due.
CREATE INDEX accounts_review ON accounts (remind_at) WHERE status = 'pending' AND stage = 'in_review';
CREATE INDEX accounts_suspended_until ON accounts (suspended_until) WHERE status = 'suspended';

-- Exact counts by status without counting and without one hot row: an account
-- belongs to the shard of its id's last byte, a read adds the shards up.
CREATE TABLE account_counts (
    shard     smallint PRIMARY KEY,
    pending   bigint   NOT NULL DEFAULT 0,
    active    bigint   NOT NULL DEFAULT 0,
    suspended bigint   NOT NULL DEFAULT 0,
    rejected  bigint   NOT NULL DEFAULT 0,
    closed    bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO account_counts (shard) SELECT generate_series(0, 63);

-- SECURITY DEFINER: the counts change with the accounts and in no other way,
-- so the application's role may only read them. pg_temp comes last, so that no
-- temporary table of that role stands in for ours.
-- +goose StatementBegin
CREATE FUNCTION count_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status THEN
        RETURN NULL;
    END IF;
    UPDATE account_counts c SET
        pending   = c.pending   + d.pending,
        active    = c.active    + d.active,
        suspended = c.suspended + d.suspended,
        rejected  = c.rejected  + d.rejected,
        closed    = c.closed    + d.closed
    FROM (
        SELECT sum((s = 'pending')::int * n) AS pending, sum((s = 'active')::int * n) AS active,
               sum((s = 'suspended')::int * n) AS suspended, sum((s = 'rejected')::int * n) AS rejected,
               sum((s = 'closed')::int * n) AS closed
        FROM (VALUES (NEW.status, 1), (CASE TG_OP WHEN 'UPDATE' THEN OLD.status END, -1)) AS change (s, n)
        WHERE s IS NOT NULL
    ) d
    WHERE c.shard = get_byte(uuid_send(NEW.id), 15) & 63;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER accounts_counted AFTER INSERT OR UPDATE OF status ON accounts
    FOR EACH ROW EXECUTE FUNCTION count_accounts();

CREATE TABLE logins (
    id            uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL REFERENCES accounts,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL,
    released_at   timestamptz
);
CREATE UNIQUE INDEX logins_email ON logins (email) WHERE released_at IS NULL;
CREATE INDEX logins_account ON logins (account_id);

-- Tokens of users: a session, or the right to add documents to an application.
CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    account_id uuid        NOT NULL REFERENCES accounts,
    purpose    text        NOT NULL CHECK (purpose IN ('session', 'upload')),
    hash       bytea       NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX sessions_account ON sessions (account_id);

-- One submission of an account for review, as it was submitted. accepted_at is
-- when the case took it up; until then a sweep tells the case again.
CREATE TABLE applications (
    id             uuid        PRIMARY KEY,
    account_id     uuid        NOT NULL REFERENCES accounts,
    policy_version integer     NOT NULL REFERENCES policies,
    name           text        NOT NULL,
    locale         text        NOT NULL,
    company        jsonb       NOT NULL,
    submitted_at   timestamptz NOT NULL,
    accepted_at    timestamptz,
    outcome        text        CHECK (outcome IN ('approved', 'rejected', 'expired', 'superseded')),
    closed_at      timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL))
);
CREATE INDEX applications_account ON applications (account_id, submitted_at DESC);
CREATE UNIQUE INDEX applications_unaccepted ON applications (account_id) WHERE accepted_at IS NULL;
CREATE INDEX applications_waiting ON applications (submitted_at) WHERE accepted_at IS NULL;

CREATE TABLE documents (
    id             uuid        PRIMARY KEY,
    account_id     uuid        NOT NULL REFERENCES accounts,
    application_id uuid        NOT NULL REFERENCES applications,
    kind           text        NOT NULL,
    file_name      text        NOT NULL,
    content_type   text        NOT NULL,
    size           bigint      NOT NULL,
    sha256         bytea       NOT NULL,
    storage_key    text        NOT NULL UNIQUE,
    received_at    timestamptz NOT NULL,
    -- received: waits for its page images; ready; refused: cannot be shown.
    status         text        NOT NULL CHECK (status IN ('received', 'ready', 'refused')),
    refusal        text        NOT NULL DEFAULT '',
    prepared_at    timestamptz,
    CHECK ((status = 'received') = (prepared_at IS NULL))
);
CREATE INDEX documents_account ON documents (account_id, received_at);
CREATE INDEX documents_waiting ON documents (received_at) WHERE status = 'received';
CREATE INDEX documents_sha256 ON documents (sha256);

CREATE TABLE document_pages (
    document_id  uuid    NOT NULL REFERENCES documents,
    number       integer NOT NULL,
    storage_key  text    NOT NULL,
    content_type text    NOT NULL,
    width        integer NOT NULL,
    height       integer NOT NULL,
    size         bigint  NOT NULL,
    PRIMARY KEY (document_id, number)
);

-- What a staff member asked for. The row is the outbox of the case: once it is
-- recorded it ends as applied, refused or lapsed.
CREATE TABLE decisions (
    id           uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES accounts,
    case_id      text        NOT NULL,
    kind         text        NOT NULL,
    reason_code  text        NOT NULL DEFAULT '',
    reason       text        NOT NULL DEFAULT '',
    note         text        NOT NULL DEFAULT '',
    until        timestamptz,
    staff_id     uuid        NOT NULL REFERENCES staff,
    request_id   text        NOT NULL,
    requested_at timestamptz NOT NULL,
    outcome      text        CHECK (outcome IN ('applied', 'refused', 'lapsed')),
    outcome_code text        NOT NULL DEFAULT '',
    closed_at    timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX decisions_open ON decisions (case_id) WHERE outcome IS NULL;
CREATE INDEX decisions_waiting ON decisions (requested_at) WHERE outcome IS NULL;
CREATE INDEX decisions_account ON decisions (account_id, requested_at DESC);
CREATE INDEX decisions_closed ON decisions (closed_at) WHERE outcome = 'applied';
CREATE INDEX decisions_staff ON decisions (staff_id, requested_at DESC);
ALTER TABLE accounts ADD FOREIGN KEY (decided_by) REFERENCES decisions;
ALTER TABLE accounts ADD FOREIGN KEY (blocked_by) REFERENCES decisions;

-- An e-mail or SMS that is owed. What it says is rendered from the rows it
-- points to when it is sent; key makes a retried transaction owe it once.
CREATE TABLE notices (
    id                  uuid        PRIMARY KEY,
    key                 text        NOT NULL UNIQUE,
    account_id          uuid        NOT NULL REFERENCES accounts,
    staff_id            uuid        REFERENCES staff,
    decision_id         uuid        REFERENCES decisions,
    kind                text        NOT NULL,
    channel             text        NOT NULL CHECK (channel IN ('email', 'sms')),
    status              text        NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    attempts            integer     NOT NULL DEFAULT 0,
    failure             text        NOT NULL DEFAULT '',
    provider            text        NOT NULL DEFAULT '',
    provider_message_id text        NOT NULL DEFAULT '',
    created_at          timestamptz NOT NULL,
    closed_at           timestamptz
);
CREATE INDEX notices_account ON notices (account_id, created_at);
CREATE INDEX notices_decision ON notices (decision_id);
CREATE INDEX notices_pending ON notices (created_at) WHERE status = 'pending';

CREATE TABLE audit_events (
    id          bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    actor_kind  text        NOT NULL CHECK (actor_kind IN ('staff', 'account', 'service', 'system')),
    actor_id    uuid,
    actor_role  text        NOT NULL DEFAULT '',
    action      text        NOT NULL,
    subject     text        NOT NULL,
    subject_id  text        NOT NULL,
    account_id  uuid,
    before      jsonb,
    after       jsonb,
    reason_code text        NOT NULL DEFAULT '',
    decision_id uuid,
    request_id  text        NOT NULL DEFAULT '',
    workflow_id text        NOT NULL DEFAULT '',
    address     inet
);
CREATE INDEX audit_events_account ON audit_events (account_id, id);
CREATE INDEX audit_events_at ON audit_events (at);

-- The answer to a request that carried an Idempotency-Key. status is null
-- while the request is under way; decision_id leads to its outcome.
CREATE TABLE idempotency_keys (
    scope       text        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    decision_id uuid        REFERENCES decisions,
    status      integer,
    body        bytea,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (scope, route, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_decision ON idempotency_keys (decision_id);

GRANT SELECT, INSERT, UPDATE ON accounts, logins, sessions, applications, documents, decisions,
    notices, staff, staff_tokens, services TO kibali_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON document_pages, idempotency_keys TO kibali_app;
-- Append-only, by grant.
GRANT SELECT, INSERT ON audit_events, policies TO kibali_app;
GRANT SELECT ON account_counts TO kibali_app;
GRANT SELECT ON goose_db_version TO kibali_app;
