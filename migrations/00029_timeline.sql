-- +goose Up

-- What came back to an account, for its timeline. A charge is not in it.
CREATE INDEX transfers_back ON transfers (to_account, created_at) WHERE kind IN ('charge_refund', 'reversal');
