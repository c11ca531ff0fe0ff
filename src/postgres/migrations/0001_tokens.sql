-- Sealed values by their tokens, and what they are found by. Words sort by their bytes.
CREATE TABLE token (
    word text COLLATE "C" PRIMARY KEY,
    category text NOT NULL,
    sealed bytea NOT NULL,
    version bigint NOT NULL,
    rough bytea NOT NULL
);
CREATE INDEX token_by_rough ON token (rough, word);
CREATE INDEX token_by_version ON token (version);
CREATE TABLE found_by (
    code bytea NOT NULL,
    word text COLLATE "C" NOT NULL,
    PRIMARY KEY (code, word)
);
CREATE INDEX found_by_word ON found_by (word);
CREATE TABLE search_index (
    category text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    build bigint,
    PRIMARY KEY (category, kind)
);
-- Ends a transaction that is to write rows of these versions (the oldest and the newest of
-- them): ZH001, and the newest version as its message, where some are under a newer one than
-- the oldest; ZH002 where they are the first under the newest, unless no other writes
-- meanwhile.
CREATE FUNCTION permit(oldest bigint, newest bigint, alone boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    stored bigint := (SELECT max(version) FROM token);
BEGIN
    IF stored > oldest THEN
        RAISE EXCEPTION '%', stored USING ERRCODE = 'ZH001';
    END IF;
    IF NOT alone AND (stored IS NULL OR stored < newest) THEN
        RAISE EXCEPTION 'the first rows under version %', newest USING ERRCODE = 'ZH002';
    END IF;
END
$$;
