-- `subject` holds linked pseudonyms only: any other is a person by itself.
CREATE TABLE subject (
    id bytea PRIMARY KEY,
    person bytea NOT NULL
);
CREATE INDEX subject_by_person ON subject (person, id);
CREATE TABLE jurisdiction (
    subject bytea NOT NULL,
    jurisdiction text NOT NULL,
    PRIMARY KEY (subject, jurisdiction)
);
CREATE TABLE consent (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject bytea NOT NULL,
    purpose text NOT NULL,
    choice text NOT NULL,
    at bigint NOT NULL,
    until bigint,
    text_version text,
    source text NOT NULL
);
CREATE INDEX consent_by_subject ON consent (subject, number);
