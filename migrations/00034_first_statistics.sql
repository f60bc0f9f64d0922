-- +goose Up

-- Whether a key was posted before is looked up for each charge, by an index. With
-- statistics of a table with next to nothing in it, PostgreSQL would read the table
-- instead, and a connection keeps its plan until there are newer statistics: by then
-- there can be a hundred thousand rows. Without statistics it takes the index.
ALTER TABLE transfers SET (autovacuum_analyze_threshold = 2000, autovacuum_vacuum_insert_threshold = 2000);
