-- +goose Up
-- A row carries the hash of its own content from the moment it is written. A
-- sealer links the rows of an instance into a chain afterwards, so that the
-- writers of an instance do not wait for each other.
ALTER TABLE history ADD COLUMN content_hash text NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN seq bigint;
ALTER TABLE history ADD COLUMN link text;
CREATE UNIQUE INDEX history_seq ON history (instance_id, seq);
CREATE INDEX history_unsealed ON history (instance_id, id) WHERE seq IS NULL;

-- The end of each chain, and its anchor: where it begins since older rows
-- were pruned.
CREATE TABLE history_chains (
    instance_id uuid PRIMARY KEY REFERENCES instances (id),
    seq         bigint NOT NULL,
    link        text NOT NULL,
    anchor_seq  bigint NOT NULL,
    anchor_link text NOT NULL
);
