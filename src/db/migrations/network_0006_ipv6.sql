-- IPv6. Of its addresses this is the first half; it is absent for IPv4, whose addresses stay as they are. The second half is in
-- the column that was there: no subnet is larger than /64, so the key is still what keeps two ports from having one address.
ALTER TABLE address ADD COLUMN upper BIGINT;
-- How guests of a subnet come to their addresses, and what routers tell them of that; absent for IPv4.
ALTER TABLE subnet ADD COLUMN ipv6_address_mode {id};
ALTER TABLE subnet ADD COLUMN ipv6_ra_mode {id};
