-- +goose Up

-- What makes it evident when somebody has changed the audit trail behind
-- Kibali's back: of each range of events, a list of their ids with a hash of
-- each, and a hash over that list and over the seal before it.
CREATE TABLE audit_seals (
    number        bigint      PRIMARY KEY,
    from_position bigint      NOT NULL UNIQUE, -- exclusive; a position is an event's id
    to_position   bigint      NOT NULL UNIQUE,
    events        bigint      NOT NULL,
    listing       bytea       NOT NULL, -- 40 bytes for each event: its id, and the SHA-256 of its columns
    hash          bytea       NOT NULL,
    sealed_at     timestamptz NOT NULL,
    CHECK (from_position < to_position)
);
-- How far the seals have come is kept like what follows the ledger.
INSERT INTO ledger_progress (name, position) VALUES ('audit_seals', 0);

-- An event draws its id once its transaction has one. That tells, by the oldest
-- transaction that is under way, up to where no event can appear any more.
ALTER TABLE audit_events ALTER COLUMN id DROP IDENTITY;
CREATE SEQUENCE audit_event_ids AS bigint OWNED BY audit_events.id;
SELECT setval('audit_event_ids', coalesce((SELECT max(id) FROM audit_events), 0) + 1, false);
ALTER TABLE audit_events ALTER COLUMN id SET DEFAULT
    CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('audit_event_ids') END;

-- Append-only, by grant; and an event's place is not for the application to
-- choose.
REVOKE INSERT ON audit_events FROM kibali_app;
GRANT INSERT (at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id, before, after,
    reason_code, decision_id, request_id, workflow_id, address) ON audit_events TO kibali_app;
GRANT USAGE ON SEQUENCE audit_event_ids TO kibali_app;
GRANT SELECT, INSERT ON audit_seals TO kibali_app;
