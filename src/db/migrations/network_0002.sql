-- Where a port goes when its server is being moved: that node has the port's network as well.
ALTER TABLE port ADD COLUMN migrating_to {name};
