ALTER TABLE episodes DROP COLUMN naked_longest_ns;
ALTER TABLE episodes DROP COLUMN naked_ns;
ALTER TABLE episodes DROP COLUMN unprotected_longest_ns;
ALTER TABLE episodes DROP COLUMN unprotected_ns;
