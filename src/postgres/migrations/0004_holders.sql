-- A value is kept once for each of its holders: for the house (no key, and the version of the
-- vault's key that it is sealed under) or for data subjects (their key, and version 0). A key
-- that is destroyed has no data subject any more. A token that stands for nothing has version
-- 0.
CREATE TABLE copy (
    word text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    version bigint NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (word, key)
);
CREATE INDEX copy_by_key ON copy (key) WHERE key <> '';
INSERT INTO copy (word, key, version, sealed) SELECT word, '', version, sealed FROM token;
ALTER TABLE token DROP COLUMN sealed;
CREATE TABLE subject_key (
    id bytea PRIMARY KEY,
    subject bytea UNIQUE,
    version bigint,
    wrapped bytea
);
CREATE INDEX subject_key_by_version ON subject_key (version);
-- Ends a transaction that is to write copies with these keys (ZH003), unless each is there
-- and not destroyed.
CREATE FUNCTION require_keys(keys bytea[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(keys) AS asked (id) WHERE asked.id <> '' AND NOT EXISTS (
            SELECT FROM subject_key WHERE subject_key.id = asked.id AND wrapped IS NOT NULL
        )
    ) THEN
        RAISE EXCEPTION 'a key of a data subject is not there' USING ERRCODE = 'ZH003';
    END IF;
END
$$;
-- The same, where the house has a copy under another version than a row that is written with
-- the key of a data subject.
CREATE FUNCTION require_remembered(words text[], keys bytea[], versions bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(words, keys, versions) AS given (word, key, version)
        JOIN copy ON copy.word = given.word AND copy.key = ''
        WHERE given.key <> '' AND copy.version <> given.version
    ) THEN
        RAISE EXCEPTION 'a copy would be forgotten' USING ERRCODE = 'ZH003';
    END IF;
END
$$;
-- The same, unless each row is there and stands for something.
CREATE FUNCTION require_held(words text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(words) AS asked (word) WHERE NOT EXISTS (
            SELECT FROM token WHERE token.word = asked.word AND version > 0
        )
    ) THEN
        RAISE EXCEPTION 'a row is not there' USING ERRCODE = 'ZH003';
    END IF;
END
$$;
