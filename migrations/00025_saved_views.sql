-- +goose Up

-- A filter and sort of the list of users that a staff member has given a name:
-- theirs alone, and no part of the record.
CREATE TABLE saved_views (
    id         uuid        PRIMARY KEY,
    staff_id   uuid        NOT NULL REFERENCES staff,
    name       text        NOT NULL,
    status     text        NOT NULL,
    q          text        NOT NULL,
    sort       text        NOT NULL,
    ascending  boolean     NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (staff_id, lower(name));
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO kibali_app;
