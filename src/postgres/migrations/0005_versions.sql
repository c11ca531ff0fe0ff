-- The newest version of the vault's key that anything was stored under, whatever became of it
-- since: one row.
CREATE TABLE newest_key (version bigint NOT NULL);
INSERT INTO newest_key SELECT greatest(
    0, (SELECT max(version) FROM token), (SELECT max(version) FROM subject_key)
);
-- Ends a transaction that is to write under these versions (the oldest and the newest of what
-- it writes): ZH001, and the newest version as its message, where that is newer than the
-- oldest; ZH002 where it writes the first under the newest, unless no other writes meanwhile.
CREATE OR REPLACE FUNCTION permit(oldest bigint, newest bigint, alone boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    stored bigint := (SELECT version FROM newest_key);
BEGIN
    IF stored > oldest THEN
        RAISE EXCEPTION '%', stored USING ERRCODE = 'ZH001';
    END IF;
    IF stored < newest THEN
        IF NOT alone THEN
            RAISE EXCEPTION 'the first under version %', newest USING ERRCODE = 'ZH002';
        END IF;
        UPDATE newest_key SET version = newest;
    END IF;
END
$$;
-- Under which version a piece is sealed; unknown of those that are there.
ALTER TABLE quarantine ADD COLUMN version bigint;
-- Destroyed keys, so that an erasure need not look for them among all.
CREATE INDEX subject_key_destroyed ON subject_key (id) WHERE wrapped IS NULL;
