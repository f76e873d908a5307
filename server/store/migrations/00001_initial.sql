-- The names of types are PostgreSQL's; SQLite takes any name. Times are
-- milliseconds since 1970 in UTC, so that both engines compare them alike.

-- +goose Up
CREATE TABLE instances (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT instances_slug UNIQUE,
    name        text NOT NULL,
    edition     text NOT NULL,
    environment text NOT NULL,
    created     bigint NOT NULL
);

CREATE TABLE users (
    id               uuid PRIMARY KEY,
    instance_id      uuid NOT NULL REFERENCES instances (id),
    user_name        text NOT NULL,
    -- The name by which people know the user: the display name, if there is one.
    display          text NOT NULL,
    -- The keys hold values as they are compared; see schema.Attribute.Key.
    user_name_key    text NOT NULL CONSTRAINT users_user_name UNIQUE,
    external_id      text,
    email_key        text,
    display_name_key text,
    family_name_key  text,
    given_name_key   text,
    active           boolean NOT NULL,
    integration      boolean NOT NULL,
    role             text NOT NULL,
    source           text NOT NULL,
    -- What the provider sent as manager, the same as a user name is compared,
    -- and the user that it led to.
    manager_ref      text,
    manager_key      text,
    manager_id       uuid REFERENCES users (id) ON DELETE SET NULL,
    resource         text NOT NULL,
    search           jsonb NOT NULL,
    fields           text NOT NULL,
    version          bigint NOT NULL,
    created          bigint NOT NULL,
    modified         bigint NOT NULL
);
CREATE INDEX users_instance ON users (instance_id, id);
CREATE INDEX users_external_id ON users (instance_id, external_id);
CREATE INDEX users_email ON users (instance_id, email_key);
CREATE INDEX users_display_name ON users (instance_id, display_name_key);
CREATE INDEX users_family_name ON users (instance_id, family_name_key);
CREATE INDEX users_manager ON users (manager_id) WHERE manager_id IS NOT NULL;
CREATE INDEX users_manager_pending ON users (instance_id, manager_key)
    WHERE manager_id IS NULL AND manager_key IS NOT NULL;

CREATE TABLE groups (
    id               uuid PRIMARY KEY,
    instance_id      uuid NOT NULL REFERENCES instances (id),
    display_name     text NOT NULL,
    display_name_key text NOT NULL,
    external_id      text,
    source           text NOT NULL,
    resource         text NOT NULL,
    search           jsonb NOT NULL,
    version          bigint NOT NULL,
    created          bigint NOT NULL,
    modified         bigint NOT NULL,
    CONSTRAINT groups_display_name UNIQUE (instance_id, display_name_key)
);
CREATE INDEX groups_instance ON groups (instance_id, id);
CREATE INDEX groups_external_id ON groups (instance_id, external_id);

CREATE TABLE group_users (
    group_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_users_user ON group_users (user_id);

CREATE TABLE group_groups (
    group_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    child_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, child_id)
);
CREATE INDEX group_groups_child ON group_groups (child_id);

CREATE TABLE api_keys (
    id          text PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    user_id     uuid REFERENCES users (id) ON DELETE SET NULL,
    user_name   text NOT NULL,
    digest      text NOT NULL,
    created     bigint NOT NULL,
    expires     bigint NOT NULL,
    revoked     bigint
);
CREATE INDEX api_keys_instance ON api_keys (instance_id, id);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE history (
    id          uuid PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    at          bigint NOT NULL,
    actor_kind  text NOT NULL,
    actor_name  text NOT NULL,
    key_id      text NOT NULL,
    request_id  text NOT NULL,
    client      text NOT NULL,
    address     text NOT NULL,
    action      text NOT NULL,
    target_type text NOT NULL,
    target_id   text NOT NULL,
    target_name text NOT NULL,
    outcome     text NOT NULL,
    status      integer NOT NULL,
    scim_type   text NOT NULL,
    detail      text NOT NULL,
    changes     text NOT NULL
);
CREATE INDEX history_instance ON history (instance_id, id);
