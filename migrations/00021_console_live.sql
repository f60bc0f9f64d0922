-- +goose Up

-- What consoles that are open keep up with: each change of these is told on the
-- channel kibali_console as KIND:ACCOUNT. A posting of credits tells nothing.

-- +goose StatementBegin
CREATE FUNCTION tell_consoles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kibali_console', TG_ARGV[0] || ':' ||
        coalesce(CASE TG_ARGV[0] WHEN 'account' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(coalesce(NEW, OLD)) ->> 'account_id' END, ''));
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Of many accounts that arrive at once none is named.
-- +goose StatementBegin
CREATE FUNCTION tell_consoles_of_arrivals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM arrived LIMIT 11) few) > 10 THEN
        PERFORM pg_notify('kibali_console', 'account:');
    ELSE
        PERFORM pg_notify('kibali_console', 'account:' || id) FROM arrived;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER accounts_arrived AFTER INSERT ON accounts REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tell_consoles_of_arrivals();
CREATE TRIGGER accounts_told AFTER UPDATE OF status, stage, blocked_by, suspended_until ON accounts
    FOR EACH ROW EXECUTE FUNCTION tell_consoles('account');
CREATE TRIGGER documents_told AFTER INSERT OR UPDATE OF status ON documents
    FOR EACH ROW EXECUTE FUNCTION tell_consoles('document');
-- A top-up is closed by the transaction that posts it.
CREATE TRIGGER decisions_asked AFTER INSERT ON decisions FOR EACH ROW EXECUTE FUNCTION tell_consoles('decision');
CREATE TRIGGER decisions_told AFTER UPDATE OF outcome ON decisions
    FOR EACH ROW WHEN (NEW.kind <> 'top_up') EXECUTE FUNCTION tell_consoles('decision');
CREATE TRIGGER appeals_told AFTER INSERT OR UPDATE OF outcome ON appeals
    FOR EACH ROW EXECUTE FUNCTION tell_consoles('appeal');
CREATE TRIGGER claims_made AFTER INSERT OR DELETE ON review_claims FOR EACH ROW EXECUTE FUNCTION tell_consoles('claim');
CREATE TRIGGER claims_moved AFTER UPDATE ON review_claims
    FOR EACH ROW WHEN (NEW.staff_id <> OLD.staff_id) EXECUTE FUNCTION tell_consoles('claim');
