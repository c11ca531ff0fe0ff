-- Whose key wraps that of a data subject: nothing for that of the house, or a jurisdiction.
ALTER TABLE subject_key ADD COLUMN realm text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX subject_key_by_version;
CREATE INDEX subject_key_by_realm ON subject_key (realm, version);
-- What these hold has changed: they are built anew.
UPDATE search_index SET build = 0 WHERE kind IN ('words', 'contains') AND coalesce(build, 1) > 0;
-- As `newest_key`, of the keysets of jurisdictions.
CREATE TABLE newest_key_of (realm text COLLATE "C" PRIMARY KEY, version bigint NOT NULL);
-- As `permit`, of several of these. ZH004 has the version and the jurisdiction as its message.
CREATE FUNCTION permit_realms(
    realms text[], oldest bigint[], newest bigint[], alone boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    asked record;
    stored bigint;
BEGIN
    FOR asked IN
        SELECT * FROM unnest(realms, oldest, newest) AS given (realm, oldest, newest)
    LOOP
        stored := coalesce((SELECT version FROM newest_key_of WHERE realm = asked.realm), 0);
        IF stored > asked.oldest THEN
            RAISE EXCEPTION '% %', stored, asked.realm USING ERRCODE = 'ZH004';
        END IF;
        IF stored < asked.newest THEN
            IF NOT alone THEN
                RAISE EXCEPTION 'the first under version %', asked.newest USING ERRCODE = 'ZH002';
            END IF;
            INSERT INTO newest_key_of (realm, version) VALUES (asked.realm, asked.newest)
            ON CONFLICT (realm) DO UPDATE SET version = excluded.version;
        END IF;
    END LOOP;
END
$$;
