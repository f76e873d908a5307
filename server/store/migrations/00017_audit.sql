-- +goose Up

-- Up to which row the change history of an instance was written to an audit log,
-- by its place in the chain; and until when a server has the next rows to itself.
CREATE TABLE audit_positions (
    sink     text NOT NULL,
    instance text NOT NULL, -- its id
    seq      bigint NOT NULL,
    claimed  bigint NOT NULL,
    PRIMARY KEY (sink, instance)
);
