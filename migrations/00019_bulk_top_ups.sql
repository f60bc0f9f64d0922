-- +goose Up

-- The lines of a bulk top-up: whom it is about, and what became of each.
CREATE TABLE top_up_lines (
    decision_id uuid    NOT NULL REFERENCES decisions,
    line        integer NOT NULL,
    account_id  uuid    NOT NULL REFERENCES accounts,
    amount      bigint  NOT NULL CHECK (amount > 0),
    transfer_id uuid,
    refusal     text    NOT NULL DEFAULT '',
    PRIMARY KEY (decision_id, line),
    UNIQUE (decision_id, account_id),
    CHECK (transfer_id IS NULL OR refusal = '')
);
GRANT SELECT, INSERT, UPDATE (transfer_id, refusal) ON top_up_lines TO kibali_app;
