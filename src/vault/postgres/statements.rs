// SPDX-License-Identifier: Apache-2.0
//! What the database is asked.

/// Rows and their copies, column by column.
macro_rules! given {
    () => {
        "WITH given AS (
            SELECT * FROM unnest(
                $1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::text[],
                $6::bytea[], $7::bigint[], $8::bytea[]
            ) AS given (word, category, version, rough, kinds, key, copy_version, sealed)
        )"
    };
}

/// Indexes that changed rows are missing from are left.
macro_rules! leave {
    () => {
        " UPDATE search_index SET build = 0 FROM changed JOIN given USING (word)
        WHERE search_index.category = given.category AND coalesce(search_index.build, 1) > 0
            AND search_index.kind <> ALL (string_to_array(given.kinds, ','))"
    };
}

/// What `read` takes: a token, a copy of its value, and the key of that copy.
macro_rules! columns {
    () => {
        "token.word, token.category, token.version, token.rough, held.copy_version, held.sealed,
        held.id, held.subject, held.key_version, held.wrapped, held.realm"
    };
}

/// The same of no row.
macro_rules! nothing {
    () => {
        " NULL::text AS word, NULL::text, NULL::bigint, NULL::bytea, NULL::bigint, NULL::bytea,
        NULL::bytea, NULL::bytea, NULL::bigint, NULL::bytea, NULL::text"
    };
}

/// The copies of a row that open.
macro_rules! copies {
    () => {
        " SELECT copy.key, copy.version AS copy_version, copy.sealed, subject_key.id, subject_key.subject,
            subject_key.version AS key_version, subject_key.wrapped, subject_key.realm
        FROM copy LEFT JOIN subject_key ON subject_key.id = copy.key
        WHERE copy.word = token.word AND (copy.key = '' OR subject_key.wrapped IS NOT NULL)"
    };
}

/// With the first of them.
macro_rules! held {
    () => {
        concat!("LEFT JOIN LATERAL (", copies!(), " ORDER BY copy.key LIMIT 1) AS held ON true")
    };
}

pub(super) const REQUIRE_KEYS: &str = "SELECT require_keys($1)";

pub(super) const REQUIRE_REMEMBERED: &str = "SELECT require_remembered($1, $2, $3)";

pub(super) const REQUIRE_HELD: &str = "SELECT require_held($1)";

/// Rows by their words, so that two batches never wait for each other crosswise. Where a row
/// is there, or another is writing it, that one stays; of those that are written, indexes
/// that they are missing from are left.
pub(super) const INSERT: &str = concat!(
    given!(),
    ", inserted AS (
        INSERT INTO token (word, category, version, rough)
        SELECT word, category, version, rough FROM given ORDER BY word COLLATE \"C\"
        ON CONFLICT (word) DO NOTHING RETURNING word
    ), copied AS (
        INSERT INTO copy (word, key, version, sealed)
        SELECT word, key, copy_version, sealed FROM inserted JOIN given USING (word)
    ), changed AS (SELECT word FROM inserted)",
    leave!()
);

pub(super) const LOCK_ROWS: &str =
    "SELECT word FROM token WHERE word = ANY ($1::text[]) ORDER BY word FOR UPDATE";

/// As [`INSERT`], of rows that are there, and of their copies of the same holders.
pub(super) const REPLACE: &str = concat!(
    given!(),
    ", changed AS (
        UPDATE token SET category = given.category, version = given.version, rough = given.rough
        FROM given WHERE token.word = given.word AND token.version > 0 RETURNING token.word
    ), copied AS (
        UPDATE copy SET version = given.copy_version, sealed = given.sealed
        FROM given JOIN changed USING (word)
        WHERE (copy.word, copy.key) = (given.word, given.key)
    )",
    leave!()
);

pub(super) const HOLD: &str = "
    INSERT INTO copy (word, key, version, sealed)
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[])
        AS given (word, key, version, sealed)
    ORDER BY word COLLATE \"C\", key ON CONFLICT (word, key) DO NOTHING";

/// Indexes that rows are written for, and that are not there or are being emptied, are left.
pub(super) const NOTE: &str = "
    INSERT INTO search_index (category, kind, build)
    SELECT DISTINCT category, kind, 0 FROM unnest($1::text[], $2::text[], $3::text[])
        AS given (category, kind, word)
    WHERE EXISTS (SELECT FROM token WHERE token.word = given.word)
        AND NOT EXISTS (
            SELECT FROM search_index AS known
            WHERE (known.category, known.kind) = (given.category, given.kind)
                AND coalesce(known.build, 0) >= 0
        )
    ORDER BY category, kind
    ON CONFLICT (category, kind) DO UPDATE SET build = 0 WHERE search_index.build < 0";

/// Each row is looked up once, however many codes it has.
pub(super) const ADD: &str = "
    WITH held AS MATERIALIZED (
        SELECT word FROM token WHERE word = ANY ($3::text[]) AND version > 0
    )
    INSERT INTO found_by (code, word)
    SELECT code, word FROM unnest($1::bytea[], $2::text[]) AS given (code, word)
    JOIN held USING (word) ORDER BY code, word COLLATE \"C\" ON CONFLICT DO NOTHING";

pub(super) const FORGET_FOUND_BY: &str = "DELETE FROM found_by WHERE word = ANY ($1::text[])";

/// Each with the epoch; if there are none, that alone.
pub(super) const FIND: &str = concat!(
    "SELECT epoch.id, ",
    columns!(),
    " FROM epoch LEFT JOIN (token ",
    held!(),
    ") ON token.word = ANY ($1::text[])"
);

/// Behind all that waits for others, so that no two wait for each other crosswise.
pub(super) const END_EPOCH: &str = "UPDATE epoch SET id = uuid_send(gen_random_uuid())";

/// One row for each that is asked for, in order: with the copy of that holder, if there is one.
pub(super) const FIND_OWN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked (word, key, at)
    JOIN token USING (word) LEFT JOIN LATERAL ((",
    copies!(),
    " AND copy.key = asked.key) UNION ALL (",
    copies!(),
    " ORDER BY copy.key LIMIT 1) LIMIT 1) AS held ON true ORDER BY asked.at"
);

/// One row for each data subject who is asked for, without a word, that says whether more of
/// what they hold than may be looked at is theirs; behind it what is wanted of it. Their copies
/// are read by their key, before anything is asked of them.
pub(super) const HELD_BY: &str = concat!(
    "WITH asked AS (
        SELECT asked.at, subject_key.* FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (subject, at)
        LEFT JOIN subject_key USING (subject)
    )
    SELECT (
        SELECT count(*) > $2::bigint FROM (
            SELECT FROM copy WHERE copy.key = asked.id AND copy.key <> '' LIMIT $2::bigint + 1
        ) AS own
    ) AS has_more, at, 0 AS rank,",
    nothing!(),
    " FROM asked UNION ALL (
        SELECT false, asked.at, token.rank, ",
    columns!(),
    " FROM asked CROSS JOIN LATERAL (
            SELECT token.*, own.sealed, array_position($4::text[], token.category) AS rank FROM (
                SELECT word, sealed FROM copy
                WHERE copy.key = asked.id AND copy.key <> '' LIMIT $2::bigint
            ) AS own JOIN token USING (word)
            WHERE octet_length(own.sealed) <= $3::bigint AND token.category = ANY ($4::text[])
            ORDER BY rank, token.word LIMIT $5::bigint
        ) AS token
        CROSS JOIN LATERAL (SELECT 0::bigint AS copy_version, token.sealed, asked.id, asked.subject,
            asked.version AS key_version, asked.wrapped, asked.realm) AS held
        ORDER BY asked.at, token.rank, token.word LIMIT $6::bigint
    ) ORDER BY at, rank, word NULLS FIRST"
);

/// The first row says only which version, newer than the one given, something was stored
/// under; of the same state as the others.
pub(super) const FIND_BY_INDEX: &str = concat!(
    "SELECT (SELECT version FROM newest_key WHERE version > $3) AS newer, 0::bigint AS at,",
    nothing!(),
    " UNION ALL (
        SELECT NULL, asked.at, ",
    columns!(),
    " FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (rough, at)
        CROSS JOIN LATERAL (
            SELECT * FROM token
            WHERE token.rough = asked.rough AND version > 0 ORDER BY word LIMIT $2
        ) AS token ",
    held!(),
    ") ORDER BY at, word"
);

/// The first row as in [`FIND_BY_INDEX`]. A search that is answered has a row without a word,
/// too.
pub(super) const SEARCH: &str = concat!(
    "WITH asked AS (
        SELECT asked.* FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
            AS asked (category, kind, codes, at)
        JOIN search_index USING (category, kind) WHERE build IS NULL
    )
    SELECT (SELECT version FROM newest_key WHERE version > $7) AS newer, 0::bigint AS at,",
    nothing!(),
    " UNION ALL SELECT NULL, at,",
    nothing!(),
    " FROM asked UNION ALL (
        SELECT NULL, asked.at, ",
    columns!(),
    " FROM asked CROSS JOIN LATERAL (
            SELECT token.* FROM token JOIN (
                SELECT found_by.word FROM found_by
                JOIN unnest($4::bigint[], $5::bytea[]) AS sought (at, code) USING (code)
                WHERE sought.at = asked.at
                GROUP BY found_by.word HAVING count(*) = asked.codes
            ) AS with_all USING (word)
            WHERE token.category = asked.category ORDER BY token.word LIMIT $6
        ) AS token ",
    held!(),
    ") ORDER BY at, word NULLS FIRST"
);

pub(super) const FOUND_BY: &str =
    "SELECT word, code FROM found_by WHERE word = ANY ($1::text[]) ORDER BY word, code";

pub(super) const BUILT: &str =
    "SELECT category, kind, build FROM search_index ORDER BY category, kind";

pub(super) const EMPTY_UNWANTED: &str = "
    UPDATE search_index SET build = - $3::bigint WHERE NOT EXISTS (
        SELECT FROM unnest($1::text[], $2::text[]) AS wanted (category, kind)
        WHERE (wanted.category, wanted.kind) = (search_index.category, search_index.kind)
    )";

pub(super) const BEGIN_WANTED: &str = "
    INSERT INTO search_index (category, kind, build)
    SELECT category, kind, $3::bigint FROM unnest($1::text[], $2::text[]) AS wanted (category, kind)
    ON CONFLICT (category, kind) DO UPDATE SET build = excluded.build
    WHERE search_index.build IS NOT NULL";

pub(super) const BEGUN: &str = "SELECT DISTINCT category FROM search_index WHERE build IS NOT NULL";

pub(super) const FORGET_EMPTIED: &str =
    "DELETE FROM search_index WHERE build = $1 AND category <> ALL ($2::text[])";

pub(super) const FINISH: &str = "
    UPDATE search_index SET build = NULL WHERE build = $1 AND category <> ALL ($2::text[])";

/// Without a key that opens it, a copy is listed, and nobody holds it. Of each row no more are
/// read than of all: one may have very many.
pub(super) const LIST: &str = concat!(
    "SELECT copy.key, ",
    columns!(),
    " FROM token LEFT JOIN LATERAL (
        SELECT * FROM copy WHERE copy.word = token.word AND (copy.word, copy.key) > ($1, $2)
        ORDER BY copy.key LIMIT $3
    ) AS copy ON true
    LEFT JOIN subject_key ON subject_key.id = copy.key AND wrapped IS NOT NULL
    CROSS JOIN LATERAL (SELECT copy.version AS copy_version, copy.sealed, subject_key.id,
        subject_key.subject, subject_key.version AS key_version, subject_key.wrapped,
        subject_key.realm) AS held
    WHERE token.version > 0 AND token.word >= $1 AND (token.word > $1 OR copy.key IS NOT NULL)
    ORDER BY token.word, copy.key LIMIT $3"
);

pub(super) const COUNT: &str =
    "SELECT version, count(*) FROM token WHERE version > 0 GROUP BY version";

pub(super) const COUNT_KEYS: &str =
    "SELECT realm, version, count(*) FROM subject_key WHERE version > 0 GROUP BY realm, version";

pub(super) const KEYS: &str = "
    SELECT id, subject, version, wrapped, realm FROM subject_key WHERE subject = ANY ($1::bytea[])";

pub(super) const KEEP_KEYS: &str = "
    INSERT INTO subject_key (id, subject, version, wrapped, realm)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[], $5::text[])
        AS given (id, subject, version, wrapped, realm)
    ORDER BY subject ON CONFLICT DO NOTHING";

pub(super) const KEYS_BEFORE: &str = "
    SELECT id, subject, version, wrapped, realm FROM subject_key
    WHERE realm = $1 AND version < $2 AND id > $3 ORDER BY id LIMIT $4";

pub(super) const REWRAP: &str = "
    UPDATE subject_key
    SET version = given.version, wrapped = given.wrapped, realm = given.realm
    FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::text[])
        AS given (id, version, wrapped, realm, from_realm)
    WHERE subject_key.id = given.id AND subject_key.realm = given.from_realm
        AND subject_key.wrapped IS NOT NULL";

pub(super) const DESTROY_KEYS: &str = "
    WITH destroyed AS (
        UPDATE subject_key SET subject = NULL, version = NULL, wrapped = NULL, realm = ''
        WHERE subject = ANY ($1::bytea[]) RETURNING id
    ) SELECT count(*) FROM destroyed";

pub(super) const DESTROY_KEYS_OF: &str = "
    WITH destroyed AS (
        UPDATE subject_key SET subject = NULL, version = NULL, wrapped = NULL, realm = ''
        WHERE realm = $1 RETURNING id
    ) SELECT count(*) FROM destroyed";

pub(super) const FORGET_NEWEST: &str = "DELETE FROM newest_key_of WHERE realm = $1";

/// Of rows that only destroyed keys opened.
pub(super) const FORGET_TOKENS: &str = "
    WITH gone AS (
        SELECT DISTINCT copy.word FROM subject_key
        JOIN copy ON copy.key = subject_key.id AND copy.key <> '' WHERE wrapped IS NULL
    ), forgotten AS (
        UPDATE token SET version = 0, rough = $1 FROM gone
        WHERE token.word = gone.word AND NOT EXISTS (
            SELECT FROM copy LEFT JOIN subject_key ON subject_key.id = copy.key
            WHERE copy.word = token.word AND (subject_key.id IS NULL OR wrapped IS NOT NULL)
        ) RETURNING token.word
    ), unfound AS (
        DELETE FROM found_by USING forgotten WHERE found_by.word = forgotten.word
    ) SELECT count(*) FROM forgotten";

pub(super) const FORGET_COPIES: &str = "
    WITH forgotten AS (
        DELETE FROM copy USING subject_key
        WHERE copy.key = subject_key.id AND copy.key <> '' AND wrapped IS NULL RETURNING copy.word
    ) SELECT count(*) FROM forgotten";
