-- Whoever must do something alone writes its row first, and so waits for others who do (src/db/turn.rs).
CREATE TABLE turn (
    name {name} NOT NULL PRIMARY KEY,
    taken BIGINT NOT NULL
);
