-- Ports are read with their addresses and groups, and groups with the addresses of all members: from indexes alone.
CREATE INDEX address_of_port ON address (port_id, position, subnet_id, upper, address);
DROP INDEX address_by_port ON address;
CREATE INDEX port_security_group_of_group ON port_security_group (group_id, port_id);
DROP INDEX port_security_group_by_group ON port_security_group;
-- Few ports have further addresses: without this all members of a group are gone through for them.
ALTER TABLE port ADD COLUMN has_pairs BIGINT NOT NULL DEFAULT 0;
UPDATE port SET has_pairs = 1 WHERE allowed_pairs IS NOT NULL;
CREATE INDEX port_by_has_pairs ON port (has_pairs);
