-- +goose Up
-- Counts the changes of an instance on which requests depend: its fields,
-- mapping and workflow, its keys, and the users who hold them. A server that
-- remembers these things notices by it that they have changed.
ALTER TABLE instances ADD COLUMN revision bigint NOT NULL DEFAULT 1;
