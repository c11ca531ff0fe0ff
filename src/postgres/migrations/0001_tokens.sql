-- Sealed values by their tokens, and what they are found by. Words sort by their bytes.
CREATE TABLE token (
    word text COLLATE "C" PRIMARY KEY,
    category text NOT NULL,
    sealed bytea NOT NULL,
    version bigint NOT NULL,
    rough bytea NOT NULL
);
CREATE INDEX token_by_rough ON token (rough, word);
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
