-- +goose Up

-- Links that sign somebody in to the console, each once. The digest is that of the
-- secret in the link.
CREATE TABLE sign_in_links (
    digest   text PRIMARY KEY,
    name     text NOT NULL,
    role     text NOT NULL,
    instance text NOT NULL, -- its name; empty for all
    created  bigint NOT NULL,
    expires  bigint NOT NULL,
    used     bigint
);

-- Who is signed in. The id is the digest of what the browser has.
CREATE TABLE console_sessions (
    id      text PRIMARY KEY,
    person  text NOT NULL,
    data    text NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX console_sessions_person ON console_sessions (person);
CREATE INDEX console_sessions_expires ON console_sessions (expires);

-- What the pages of the console look for among many: each holds few rows of the
-- table, but for the first, by which the page of a user finds what was done.
CREATE INDEX history_target ON history (target_id, id);
CREATE INDEX history_refused ON history (instance_id, id) WHERE outcome <> 'done';
CREATE INDEX users_suspended ON users (instance_id, id) WHERE NOT active;
CREATE INDEX users_integration ON users (instance_id, id) WHERE integration;
CREATE INDEX users_manual ON users (instance_id, id) WHERE source = 'manual';
