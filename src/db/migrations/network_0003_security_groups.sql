-- What guests may send and get. A project's default group has the project's id in default_of: the key keeps it from having two.
CREATE TABLE security_group (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    default_of {id} UNIQUE,
    tags {text} NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX security_group_by_project ON security_group (project_id);
-- What a rule means is in one column besides, so that a key keeps a group from having it twice.
CREATE TABLE security_group_rule (
    id {id} NOT NULL PRIMARY KEY,
    group_id {id} NOT NULL,
    project_id {id} NOT NULL,
    description {text} NOT NULL,
    direction {id} NOT NULL,
    ethertype {id} NOT NULL,
    protocol {id},
    range_min BIGINT,
    range_max BIGINT,
    remote_prefix {id},
    remote_group {id},
    meaning {name} NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (group_id, meaning)
);
CREATE INDEX security_group_rule_by_project ON security_group_rule (project_id);
CREATE INDEX security_group_rule_by_remote ON security_group_rule (remote_group);
CREATE TABLE port_security_group (
    port_id {id} NOT NULL,
    group_id {id} NOT NULL,
    PRIMARY KEY (port_id, group_id)
);
CREATE INDEX port_security_group_by_group ON port_security_group (group_id);
-- Further addresses of a port, as JSON; absent when it has none.
ALTER TABLE port ADD COLUMN allowed_pairs {text};
