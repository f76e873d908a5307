-- +goose Up
-- Tokens of the admin API. They are for all instances.
CREATE TABLE admin_tokens (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    digest  text NOT NULL,
    created bigint NOT NULL,
    expires bigint NOT NULL,
    revoked bigint
);
