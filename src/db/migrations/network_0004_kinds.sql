-- What a network's frames travel on: tunnels with a number of its own, a network that is there already, or neither (a bridge of
-- each node alone).
ALTER TABLE network ADD COLUMN vni BIGINT;
ALTER TABLE network ADD COLUMN physical_network {name};
CREATE UNIQUE INDEX network_by_vni ON network (vni);
CREATE UNIQUE INDEX network_by_physical_network ON network (physical_network);
