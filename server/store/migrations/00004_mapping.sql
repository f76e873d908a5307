-- +goose Up
-- The attribute mapping of an instance, as JSON; empty for the default.
ALTER TABLE instances ADD COLUMN mapping text NOT NULL DEFAULT '[]';
