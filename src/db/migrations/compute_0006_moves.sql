-- Runs of many moves: what the operator decides about them while they are under way, and where servers come from that a
-- drain took from their host.
CREATE TABLE server_moves (
    operation_id {id} NOT NULL PRIMARY KEY,
    goal {id} NOT NULL,
    host {name},
    paused BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE server_home (
    server_id {id} NOT NULL PRIMARY KEY,
    host {name} NOT NULL,
    left_at BIGINT NOT NULL
);
CREATE INDEX server_home_by_host ON server_home (host);
