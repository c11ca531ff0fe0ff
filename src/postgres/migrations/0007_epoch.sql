-- Another one begins where a row, a copy or a key is changed or goes: what instances have read
-- before is read anew.
CREATE TABLE epoch (id bytea NOT NULL);
INSERT INTO epoch VALUES (uuid_send(gen_random_uuid()));
