-- +goose Up

-- The policy that a new installation begins with is a change like any other.
INSERT INTO audit_events (at, actor_kind, action, subject, subject_id, before, after)
SELECT p.changed_at, 'system', 'policy.changed', 'policy', p.version::text, '{"version": 0}', jsonb_build_object('version', p.version)
FROM policies p
WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.subject = 'policy' AND e.subject_id = p.version::text);
