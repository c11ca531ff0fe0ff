// SPDX-License-Identifier: Apache-2.0
//! What the database is asked.

/// Whoever writes rows holds this, and who has to be alone waits for them: the beginning of a
/// build, so that a row that is written while an index is built is indexed for it, or leaves
/// it incomplete; and the first rows under a newer version, so that none under an older one
/// comes after them. Statements behind it see what was committed before.
pub(super) const BEGIN_WRITE: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED;
    LOCK TABLE search_index IN ROW EXCLUSIVE MODE";

pub(super) const BEGIN_ALONE: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED;
    LOCK TABLE search_index IN EXCLUSIVE MODE";

/// Ends the transaction with one of the states below, where it may not write such rows.
pub(super) const PERMIT: &str = "SELECT permit($1, $2, $3)";

/// Rows are under newer keys; the message is their version.
pub(super) const NEWER: &str = "ZH001";
/// The first rows under a version: whoever writes them has to be alone.
pub(super) const FIRST: &str = "ZH002";

/// Rows by their words, so that two batches never wait for each other crosswise. Where a row
/// is there, or another is writing it, that one stays; of those that are written, indexes
/// that they are missing from are left.
pub(super) const INSERT: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bytea[], $6::text[])
            AS given (word, category, sealed, version, rough, kinds)
    ), inserted AS (
        INSERT INTO token (word, category, sealed, version, rough)
        SELECT word, category, sealed, version, rough FROM given ORDER BY word COLLATE \"C\"
        ON CONFLICT (word) DO NOTHING RETURNING word
    )
    UPDATE search_index SET build = 0 FROM inserted JOIN given USING (word)
    WHERE search_index.category = given.category AND coalesce(search_index.build, 1) > 0
        AND search_index.kind <> ALL (string_to_array(given.kinds, ','))";

pub(super) const LOCK_ROWS: &str =
    "SELECT word FROM token WHERE word = ANY ($1::text[]) ORDER BY word FOR UPDATE";

/// As [`INSERT`], of rows that are there.
pub(super) const REPLACE: &str = "
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bytea[], $6::text[])
            AS given (word, category, sealed, version, rough, kinds)
    ), replaced AS (
        UPDATE token SET category = given.category, sealed = given.sealed,
            version = given.version, rough = given.rough
        FROM given WHERE token.word = given.word RETURNING token.word
    )
    UPDATE search_index SET build = 0 FROM replaced JOIN given USING (word)
    WHERE search_index.category = given.category AND coalesce(search_index.build, 1) > 0
        AND search_index.kind <> ALL (string_to_array(given.kinds, ','))";

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

pub(super) const ADD: &str = "
    INSERT INTO found_by (code, word)
    SELECT code, word FROM unnest($1::bytea[], $2::text[]) AS given (code, word)
    WHERE EXISTS (SELECT FROM token WHERE token.word = given.word)
    ORDER BY code, word COLLATE \"C\" ON CONFLICT DO NOTHING";

pub(super) const FORGET_FOUND_BY: &str = "DELETE FROM found_by WHERE word = ANY ($1::text[])";

pub(super) const FIND: &str = "
    SELECT word, category, sealed, version, rough FROM token WHERE word = ANY ($1::text[])";

/// The first row says only which version, newer than the one given, rows are stored under;
/// of the same state as the others.
pub(super) const FIND_BY_INDEX: &str = "
    SELECT NULL::text AS word, NULL::text AS category, NULL::bytea AS sealed,
        (SELECT max(version) FROM token WHERE version > $3) AS version,
        NULL::bytea AS rough, 0::bigint AS at
    UNION ALL (
        SELECT found.word, found.category, found.sealed, found.version, found.rough, asked.at
        FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (rough, at)
        CROSS JOIN LATERAL (
            SELECT * FROM token WHERE token.rough = asked.rough ORDER BY word LIMIT $2
        ) AS found
    ) ORDER BY at, word";

/// The first row as in [`FIND_BY_INDEX`]. A search that is answered has a row without a word,
/// too.
pub(super) const SEARCH: &str = "
    WITH asked AS (
        SELECT asked.* FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
            AS asked (category, kind, codes, at)
        JOIN search_index USING (category, kind) WHERE build IS NULL
    )
    SELECT NULL::text AS word, NULL::text AS category, NULL::bytea AS sealed,
        (SELECT max(version) FROM token WHERE version > $7) AS version,
        NULL::bytea AS rough, 0::bigint AS at
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, at FROM asked
    UNION ALL (
        SELECT found.word, found.category, found.sealed, found.version, found.rough, asked.at
        FROM asked CROSS JOIN LATERAL (
            SELECT token.* FROM token JOIN (
                SELECT found_by.word FROM found_by
                JOIN unnest($4::bigint[], $5::bytea[]) AS sought (at, code) USING (code)
                WHERE sought.at = asked.at
                GROUP BY found_by.word HAVING count(*) = asked.codes
            ) AS with_all USING (word)
            WHERE token.category = asked.category ORDER BY token.word LIMIT $6
        ) AS found
    ) ORDER BY at, word NULLS FIRST";

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

pub(super) const FORGET_EMPTIED: &str = "DELETE FROM search_index WHERE build = $1";

pub(super) const FINISH: &str = "UPDATE search_index SET build = NULL WHERE build = $1";

pub(super) const LIST: &str = "
    SELECT word, category, sealed, version, rough FROM token WHERE word > $1
    ORDER BY word LIMIT $2";

pub(super) const COUNT: &str = "SELECT version, count(*) FROM token GROUP BY version";
