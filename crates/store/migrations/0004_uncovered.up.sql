-- How long each episode that ended was without a stop, in nanoseconds. Naked: without a confirmed stop at the
-- venue for everything that could be closed, although its plan wants one. Unprotected: without that, and
-- without any rule that bounds the loss or a close on its way.
ALTER TABLE episodes ADD COLUMN unprotected_ns INTEGER CHECK (unprotected_ns >= 0);
ALTER TABLE episodes ADD COLUMN unprotected_longest_ns INTEGER
    CHECK (unprotected_longest_ns BETWEEN 0 AND unprotected_ns);
ALTER TABLE episodes ADD COLUMN naked_ns INTEGER CHECK (naked_ns >= 0);
ALTER TABLE episodes ADD COLUMN naked_longest_ns INTEGER CHECK (naked_longest_ns BETWEEN 0 AND naked_ns);
-- The rows are derived again from the first record: the journal has said all of it.
UPDATE ledger_state SET folded_seq = 0;
