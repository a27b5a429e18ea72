-- Control processes, as they report themselves: one for each machine and data directory. Every row of the table before
-- this one is written again within seconds.
DROP TABLE control_process;
CREATE TABLE control_process (
    place {id} NOT NULL PRIMARY KEY,
    host {name} NOT NULL,
    id {id} NOT NULL,
    number BIGINT NOT NULL UNIQUE,
    version {id} NOT NULL,
    started_at BIGINT NOT NULL,
    reported_at BIGINT NOT NULL
);
