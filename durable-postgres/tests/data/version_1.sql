SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA durable;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE durable.events (
    queue text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    written_at bigint,
    payload text,
    metadata text,
    id uuid,
    first_unreached bigint,
    looked_at bigint DEFAULT 0 NOT NULL
);
CREATE TABLE durable.history (
    queue text NOT NULL COLLATE pg_catalog."C",
    task uuid NOT NULL,
    ord bigint NOT NULL,
    kind smallint NOT NULL,
    key text COLLATE pg_catalog."C",
    end_kind smallint NOT NULL,
    end_text text,
    end_at bigint,
    attempt integer NOT NULL,
    worker text COLLATE pg_catalog."C",
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    aside boolean DEFAULT false NOT NULL
);
CREATE TABLE durable.queues (
    name text NOT NULL COLLATE pg_catalog."C",
    state smallint NOT NULL
);
CREATE TABLE durable.tasks (
    queue text NOT NULL COLLATE pg_catalog."C",
    id uuid NOT NULL,
    depth integer NOT NULL,
    parent uuid,
    join_key text COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    priority smallint NOT NULL,
    max_pending bigint,
    max_running bigint,
    spawned_at bigint NOT NULL,
    idem_key text COLLATE pg_catalog."C",
    fingerprint text COLLATE pg_catalog."C",
    state smallint NOT NULL,
    why smallint,
    available_at bigint,
    due bigint,
    on_close smallint,
    max_attempts integer,
    attempt integer NOT NULL,
    limit_from bigint NOT NULL,
    first_started_at bigint,
    ended_at bigint,
    end_kind smallint,
    end_text text,
    end_at bigint,
    closing_since bigint,
    claims bigint NOT NULL,
    call uuid,
    worker text COLLATE pg_catalog."C",
    lease bigint,
    claimed_at bigint,
    expires_at bigint,
    closed smallint,
    closed_due bigint,
    need integer,
    rest_due bigint,
    last_order bigint NOT NULL,
    checkpoints bigint NOT NULL,
    params text NOT NULL,
    headers text NOT NULL,
    policy text NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='10000');
CREATE TABLE durable.versions (
    version integer NOT NULL,
    admits integer NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE durable.waits (
    queue text NOT NULL COLLATE pg_catalog."C",
    task uuid NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    source smallint NOT NULL,
    event text COLLATE pg_catalog."C",
    child uuid,
    registered_at bigint NOT NULL,
    deadline bigint,
    rests bigint
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='10000');
INSERT INTO durable.events VALUES ('q', 'paid', NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO durable.history VALUES ('q', '01a20edc-821f-707a-95c3-4153a05653cc', 1, 2, 'spawn join', 0, 'null', NULL, 1, 'w', 1795545661989, 1795545661989, false);
INSERT INTO durable.history VALUES ('q', '01a20edc-821f-707a-95c3-4153a05653cc', 2, 7, 'join', 0, '1', NULL, 1, 'w', 1795545661989, 1795545662000, false);
INSERT INTO durable.history VALUES ('q', '01a20edc-8238-71bf-ad1f-560565ffdcee', 1, 100, NULL, 2, '"no"', NULL, 1, 'w', 1795545662010, 1795545662010, false);
INSERT INTO durable.queues VALUES ('q', 0);
INSERT INTO durable.tasks VALUES ('q', '01a20edc-8224-73c8-8699-3f550c1870fc', 1, '01a20edc-821f-707a-95c3-4153a05653cc', 'join', 'job', 0, NULL, NULL, 1795545661989, NULL, NULL, 3, NULL, NULL, NULL, 0, 5, 1, 1795545661989, 1795545661998, 1795545662000, 0, '1', NULL, NULL, 1, '01a20edc-822a-76b5-8334-7ce5f105aac5', 'w', 60000, 1795545661998, NULL, 1, NULL, NULL, NULL, 0, 0, 'null', '{}', 'null');
INSERT INTO durable.tasks VALUES ('q', '01a20edc-821f-707a-95c3-4153a05653cc', 0, NULL, NULL, 'job', 0, NULL, NULL, 1795545661984, NULL, NULL, 0, 2, NULL, NULL, NULL, 5, 1, 1795545661984, 1795545661987, NULL, NULL, NULL, NULL, NULL, 1, '01a20edc-8220-7592-92ff-14d92ec68743', 'w', 60000, 1795545661987, NULL, 4, NULL, 1, NULL, 2, 2, 'null', '{}', 'null');
INSERT INTO durable.tasks VALUES ('q', '01a20edc-8236-70c9-b45d-dbfdc211693a', 0, NULL, NULL, 'job', 0, NULL, NULL, 1795545662006, NULL, NULL, 3, NULL, NULL, NULL, NULL, 5, 1, 1795545662006, 1795545662006, 1795545662007, 0, '{"nul":"\u0000","big":18446744073709551615,"half":9007199254740993,"e":1e2,"z":-0.0,"a":[],"b":{},"b":1}', NULL, NULL, 1, '01a20edc-8236-70c9-b45d-dbfedb0677d2', 'w', 60000, 1795545662006, NULL, 1, NULL, NULL, NULL, 0, 0, 'null', '{}', 'null');
INSERT INTO durable.tasks VALUES ('q', '01a20edc-8238-71bf-ad1f-560565ffdcee', 0, NULL, NULL, 'job', 0, NULL, NULL, 1795545662009, NULL, NULL, 4, NULL, NULL, NULL, NULL, 5, 1, 1795545662009, 1795545662010, 1795545662010, 2, '"no"', NULL, NULL, 1, '01a20edc-823a-7698-8c13-cc31dae6551d', 'w', 60000, 1795545662010, NULL, 2, NULL, NULL, NULL, 1, 0, 'null', '{}', 'null');
INSERT INTO durable.tasks VALUES ('q', '01a20edc-823c-74ef-a9cc-d43c6b15c6bb', 0, NULL, NULL, 'job', 0, NULL, NULL, 1795545662013, NULL, NULL, 1, NULL, 1795545662013, NULL, NULL, 5, 1, 1795545662013, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 'null', '{}', 'null');
INSERT INTO durable.tasks VALUES ('q', '01a20edc-823b-72a4-81e4-5e81e050248c', 0, NULL, NULL, 'job', 0, NULL, NULL, 1795545662011, NULL, NULL, 2, NULL, 1795545662011, 1, NULL, 5, 1, 1795545662011, 1795545662012, NULL, NULL, NULL, NULL, NULL, 1, '01a20edc-823c-74ef-a9cc-d43bd9beb585', 'w', 60000, 1795545662012, 1, NULL, NULL, NULL, NULL, 0, 0, 'null', '{}', 'null');
INSERT INTO durable.versions VALUES (1, 1, '2026-11-24 18:41:01.974855+00');
INSERT INTO durable.waits VALUES ('q', '01a20edc-821f-707a-95c3-4153a05653cc', 'wait', 1, 'paid', NULL, 1795545662004, NULL, 1);
ALTER TABLE ONLY durable.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (queue, name);
ALTER TABLE ONLY durable.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (queue, task, ord);
ALTER TABLE ONLY durable.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (name);
ALTER TABLE ONLY durable.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (queue, id);
ALTER TABLE ONLY durable.versions
    ADD CONSTRAINT versions_pkey PRIMARY KEY (version);
ALTER TABLE ONLY durable.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (queue, task, key);
CREATE INDEX events_placeholders ON durable.events USING btree (queue, looked_at, name) WHERE (written_at IS NULL);
CREATE INDEX events_waking ON durable.events USING btree (queue, first_unreached, name) WHERE (first_unreached IS NOT NULL);
CREATE INDEX events_written ON durable.events USING btree (queue, written_at, name) WHERE (written_at IS NOT NULL);
CREATE UNIQUE INDEX history_key ON durable.history USING btree (queue, task, key) WHERE ((key IS NOT NULL) AND (NOT aside));
CREATE INDEX tasks_children ON durable.tasks USING btree (queue, parent, id) WHERE ((on_close = 0) AND (state < 3));
CREATE INDEX tasks_closing ON durable.tasks USING btree (queue, closing_since, id) WHERE (closing_since IS NOT NULL);
CREATE INDEX tasks_closing_below ON durable.tasks USING btree (queue, parent) WHERE (closing_since IS NOT NULL);
CREATE INDEX tasks_due ON durable.tasks USING btree (queue, due, id) WHERE (due IS NOT NULL);
CREATE INDEX tasks_ended ON durable.tasks USING btree (queue, state, ended_at, id) WHERE (state >= 3);
CREATE INDEX tasks_held ON durable.tasks USING btree (queue, call) WHERE (state = 2);
CREATE UNIQUE INDEX tasks_idempotency ON durable.tasks USING btree (queue, idem_key) WHERE (idem_key IS NOT NULL);
CREATE INDEX tasks_pending ON durable.tasks USING btree (queue, name, priority DESC, available_at, id) WHERE (state = 1);
CREATE INDEX waits_event ON durable.waits USING btree (queue, event, task, key) WHERE (event IS NOT NULL);
