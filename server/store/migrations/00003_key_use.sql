-- +goose Up
-- When and from where a key was used last, to the minute.
ALTER TABLE api_keys ADD COLUMN last_used bigint;
ALTER TABLE api_keys ADD COLUMN last_address text NOT NULL DEFAULT '';
