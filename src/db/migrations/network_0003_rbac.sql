-- What is shared with certain projects. That a network is everybody's is said by the network itself.
CREATE TABLE rbac_policy (
    id {id} NOT NULL PRIMARY KEY,
    project_id {id} NOT NULL,
    kind {id} NOT NULL,
    object_id {id} NOT NULL,
    action {id} NOT NULL,
    target {id} NOT NULL,
    UNIQUE (object_id, action, target)
);
CREATE INDEX rbac_policy_by_project ON rbac_policy (project_id);
CREATE INDEX rbac_policy_by_target ON rbac_policy (target);
