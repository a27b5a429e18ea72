-- Invitations to nodes that are to join: the hash of a token that is good once, for one name.
CREATE TABLE node_join (
    token {id} NOT NULL PRIMARY KEY,
    host {name} NOT NULL,
    expires_at BIGINT NOT NULL
);
