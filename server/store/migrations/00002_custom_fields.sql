-- +goose Up
-- The custom fields of an instance, as JSON: they are few, and are needed
-- whole with each request.
ALTER TABLE instances ADD COLUMN fields text NOT NULL DEFAULT '[]';
