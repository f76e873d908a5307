-- +goose Up
-- Workflow rules and object types of an instance, as JSON.
ALTER TABLE instances ADD COLUMN workflow text NOT NULL DEFAULT '{}';

-- Objects are what users are linked to by name: job titles, and others that an
-- administrator defines.
CREATE TABLE objects (
    id          uuid PRIMARY KEY,
    instance_id uuid NOT NULL REFERENCES instances (id),
    type        text NOT NULL,
    name        text NOT NULL,
    name_key    text NOT NULL,
    CONSTRAINT objects_name UNIQUE (instance_id, type, name_key)
);

-- A user is linked to one object of a type at the most.
CREATE TABLE user_objects (
    user_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type      text NOT NULL,
    object_id uuid NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, type)
);
CREATE INDEX user_objects_object ON user_objects (object_id);
