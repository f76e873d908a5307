-- A second wall between instances, on PostgreSQL only: while muster.instance
-- is set on a connection, no row of another instance can be read or written on
-- it, whatever a query says. FORCE holds for the owner of the tables too;
-- superusers are beyond it.

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON users
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE groups FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON groups
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON api_keys
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE history ENABLE ROW LEVEL SECURITY;
ALTER TABLE history FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON history
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE history_chains ENABLE ROW LEVEL SECURITY;
ALTER TABLE history_chains FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON history_chains
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE objects FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON objects
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON outbox
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR instance_id = nullif(current_setting('muster.instance', true), '')::uuid);

ALTER TABLE instances ENABLE ROW LEVEL SECURITY;
ALTER TABLE instances FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON instances
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR id = nullif(current_setting('muster.instance', true), '')::uuid);

-- Members and links have no instance of their own: they are seen with the
-- group, or the user, that they belong to.
ALTER TABLE group_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE group_users FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON group_users
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR EXISTS (SELECT 1 FROM groups AS g WHERE g.id = group_id));

ALTER TABLE group_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE group_groups FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON group_groups
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR EXISTS (SELECT 1 FROM groups AS g WHERE g.id = group_id));

ALTER TABLE user_objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_objects FORCE ROW LEVEL SECURITY;
CREATE POLICY instance ON user_objects
    USING (coalesce(current_setting('muster.instance', true), '') = '' OR EXISTS (SELECT 1 FROM users AS u WHERE u.id = user_id));
