-- +goose Up
-- Invitations of accounts that were made by hand lie here until they are sent.
CREATE TABLE outbox (
    id          uuid PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    user_name   text NOT NULL,
    recipient   text NOT NULL,
    subject     text NOT NULL,
    body        text NOT NULL,
    created     bigint NOT NULL,
    sent        bigint,
    attempts    integer NOT NULL,
    -- Until when a server has the message to itself.
    claimed     bigint NOT NULL,
    failure     text NOT NULL
);
CREATE INDEX outbox_unsent ON outbox (claimed) WHERE sent IS NULL;
CREATE INDEX outbox_instance ON outbox (instance_id, id);
