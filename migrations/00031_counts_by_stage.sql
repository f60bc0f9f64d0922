-- +goose Up

-- The counts by status tell the stages of the pending accounts apart: the queue
-- and the dashboard show how many there are of each.
LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE account_counts
    ADD COLUMN awaiting_documents bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_review          bigint NOT NULL DEFAULT 0,
    ADD COLUMN changes_requested  bigint NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.status = OLD.status AND NEW.stage = OLD.stage THEN
        RETURN NULL;
    END IF;
    UPDATE account_counts c SET
        pending   = c.pending   + d.pending,
        active    = c.active    + d.active,
        suspended = c.suspended + d.suspended,
        rejected  = c.rejected  + d.rejected,
        closed    = c.closed    + d.closed,
        awaiting_documents = c.awaiting_documents + d.awaiting_documents,
        in_review          = c.in_review          + d.in_review,
        changes_requested  = c.changes_requested  + d.changes_requested
    FROM (
        SELECT sum((status = 'pending')::int * n) AS pending, sum((status = 'active')::int * n) AS active,
               sum((status = 'suspended')::int * n) AS suspended, sum((status = 'rejected')::int * n) AS rejected,
               sum((status = 'closed')::int * n) AS closed,
               sum((stage = 'awaiting_documents')::int * n) AS awaiting_documents, sum((stage = 'in_review')::int * n) AS in_review,
               sum((stage = 'changes_requested')::int * n) AS changes_requested
        FROM (VALUES (NEW.status, NEW.stage, 1),
                     (CASE TG_OP WHEN 'UPDATE' THEN OLD.status END, CASE TG_OP WHEN 'UPDATE' THEN OLD.stage END, -1)) AS change (status, stage, n)
        WHERE status IS NOT NULL
    ) d
    WHERE c.shard = get_byte(uuid_send(NEW.id), 15) & 63;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
DROP TRIGGER accounts_counted ON accounts;
CREATE TRIGGER accounts_counted AFTER INSERT OR UPDATE OF status, stage ON accounts
    FOR EACH ROW EXECUTE FUNCTION count_accounts();

UPDATE account_counts c SET awaiting_documents = n.awaiting_documents, in_review = n.in_review, changes_requested = n.changes_requested
FROM (
    SELECT get_byte(uuid_send(id), 15) & 63 AS shard, count(*) FILTER (WHERE stage = 'awaiting_documents') AS awaiting_documents,
           count(*) FILTER (WHERE stage = 'in_review') AS in_review, count(*) FILTER (WHERE stage = 'changes_requested') AS changes_requested
    FROM accounts WHERE status = 'pending' GROUP BY 1
) n
WHERE c.shard = n.shard;

-- It was for counting them.
DROP INDEX accounts_pending_stage;
