-- Who there is and what they may do. Generations: a token remembers those of its user and project, and is void once
-- they differ, so that one UPDATE revokes everything at once.
CREATE TABLE identity_domain (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    description {text} NOT NULL,
    enabled BIGINT NOT NULL
);
CREATE TABLE identity_project (
    id {id} NOT NULL PRIMARY KEY,
    domain_id {id} NOT NULL,
    parent_id {id},
    name {name} NOT NULL,
    description {text} NOT NULL,
    enabled BIGINT NOT NULL,
    tags {text} NOT NULL,
    generation BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);
CREATE INDEX identity_project_by_parent ON identity_project (parent_id);
CREATE TABLE identity_user (
    id {id} NOT NULL PRIMARY KEY,
    domain_id {id} NOT NULL,
    name {name} NOT NULL,
    enabled BIGINT NOT NULL,
    default_project_id {id},
    description {text},
    email {text},
    password_hash {text},
    generation BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);
-- Names "group" and "user" are words of SQL; hence the prefix of all these tables.
CREATE TABLE identity_group (
    id {id} NOT NULL PRIMARY KEY,
    domain_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text} NOT NULL,
    UNIQUE (domain_id, name)
);
CREATE TABLE identity_membership (
    group_id {id} NOT NULL,
    user_id {id} NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX identity_membership_by_user ON identity_membership (user_id);
CREATE TABLE identity_role (
    id {id} NOT NULL PRIMARY KEY,
    name {name} NOT NULL UNIQUE,
    description {text}
);
-- Whoever has the prior role has the implied one.
CREATE TABLE identity_implied_role (
    prior_id {id} NOT NULL,
    implied_id {id} NOT NULL,
    PRIMARY KEY (prior_id, implied_id)
);
-- holder_kind: user, group; target_kind: project, domain.
CREATE TABLE identity_assignment (
    target_id {id} NOT NULL,
    holder_id {id} NOT NULL,
    role_id {id} NOT NULL,
    target_kind {id} NOT NULL,
    holder_kind {id} NOT NULL,
    PRIMARY KEY (target_id, holder_id, role_id)
);
CREATE INDEX identity_assignment_by_holder ON identity_assignment (holder_id);
CREATE INDEX identity_assignment_by_role ON identity_assignment (role_id);
-- The hash (SHA-256) is all that is kept of a token: a copy of this table lets nobody in.
CREATE TABLE identity_token (
    hash {id} NOT NULL PRIMARY KEY,
    user_id {id} NOT NULL,
    user_generation BIGINT NOT NULL,
    project_id {id},
    project_generation BIGINT,
    domain_id {id},
    app_credential_id {id},
    methods {text} NOT NULL,
    audit_id {id} NOT NULL,
    parent_audit_id {id},
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_token_by_end ON identity_token (expires_at);
CREATE TABLE identity_app_credential (
    id {id} NOT NULL PRIMARY KEY,
    user_id {id} NOT NULL,
    project_id {id} NOT NULL,
    name {name} NOT NULL,
    description {text},
    secret_hash {text} NOT NULL,
    unrestricted BIGINT NOT NULL,
    roles {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (user_id, name)
);
-- Limits that differ from the configured ones.
CREATE TABLE identity_quota (
    project_id {id} NOT NULL,
    resource {id} NOT NULL,
    quota BIGINT NOT NULL,
    PRIMARY KEY (project_id, resource)
);
-- What was done by whom, and who was not let in.
CREATE TABLE audit (
    id {id} NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    user_id {id},
    user_name {name} NOT NULL,
    project_id {id},
    action {id} NOT NULL,
    resource_type {id},
    resource_id {name},
    resource_name {name},
    outcome {id} NOT NULL,
    reason {text},
    status BIGINT NOT NULL,
    request_id {id} NOT NULL,
    operation_id {id}
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_user ON audit (user_id);
CREATE INDEX audit_by_resource ON audit (resource_id);
-- One row once the first start is complete; it is never undone, so that an administrator may delete what it made.
CREATE TABLE identity_bootstrap (
    name {id} NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
