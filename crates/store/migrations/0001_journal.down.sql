DROP TABLE snapshots;
DROP TABLE meta;
DROP INDEX journal_kind;
DROP TABLE journal;
