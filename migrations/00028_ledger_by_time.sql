-- +goose Up

-- Transfers of a span of time. They lie in the order of their times, so that an
-- index of ranges of blocks serves, which costs a posting next to nothing.
CREATE INDEX transfers_created ON transfers USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
