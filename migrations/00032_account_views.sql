-- +goose Up

-- Whether a member of staff has looked at an account within the hour.
CREATE INDEX audit_events_viewed ON audit_events (account_id, actor_id, at) WHERE action = 'account.viewed';
