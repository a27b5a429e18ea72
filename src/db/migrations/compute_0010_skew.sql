-- How far a control process's clock is ahead of the database's, in microseconds.
ALTER TABLE control_process ADD COLUMN skew_us BIGINT;
