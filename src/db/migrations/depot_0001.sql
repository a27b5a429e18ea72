-- What tickets of the depot are signed with: one secret for all control processes of this database, made once.
CREATE TABLE depot_key (
    name {name} NOT NULL PRIMARY KEY,
    secret {text} NOT NULL
);
