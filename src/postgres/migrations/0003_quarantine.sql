CREATE TABLE quarantine (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream text NOT NULL,
    batch bytea NOT NULL,
    request bytea NOT NULL,
    at bigint NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX quarantine_by_batch ON quarantine (upstream, batch, request);
CREATE INDEX quarantine_by_time ON quarantine (at);
