-- +goose Up

-- What a key may still send, of all servers together: tokens, as of a time in
-- milliseconds; granted is what was taken last.
CREATE TABLE rate_buckets (
    client  text PRIMARY KEY,
    tokens  double precision NOT NULL,
    at      bigint NOT NULL,
    granted double precision NOT NULL
);

-- Who was held back by which limit, by the hour.
CREATE TABLE held_back (
    instance   text NOT NULL, -- its name, or empty
    key_id     text NOT NULL,
    address    text NOT NULL,
    limit_name text NOT NULL,
    hour       bigint NOT NULL,
    n          bigint NOT NULL,
    first_at   bigint NOT NULL,
    last_at    bigint NOT NULL,
    PRIMARY KEY (hour, instance, key_id, address, limit_name)
);

-- Tokens that were there may do everything, as before.
ALTER TABLE admin_tokens ADD COLUMN role text NOT NULL DEFAULT 'owner';
ALTER TABLE admin_tokens ADD COLUMN instance text NOT NULL DEFAULT ''; -- its name, or empty for all
ALTER TABLE admin_tokens ADD COLUMN last_used bigint;
ALTER TABLE admin_tokens ADD COLUMN last_address text NOT NULL DEFAULT '';

ALTER TABLE api_keys ADD COLUMN access text NOT NULL DEFAULT 'full';
ALTER TABLE api_keys ADD COLUMN networks text NOT NULL DEFAULT ''; -- separated by commas; empty for all
ALTER TABLE clients ADD COLUMN access text NOT NULL DEFAULT 'full';
ALTER TABLE clients ADD COLUMN networks text NOT NULL DEFAULT '';
