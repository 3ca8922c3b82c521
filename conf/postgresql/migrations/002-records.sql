-- What is kept. The types are core's (enrolment.h, login_state.h, policy.h), under its names.
--
-- Times are seconds since 1970-01-01 UTC, as in core: 0 is never.

SET LOCAL ROLE totp_owner;

-- ---- the settings of the decision

-- One row. Names, defaults and ranges are pam_totp.conf's.
CREATE TABLE totp.policy (
    "window" int NOT NULL DEFAULT 1 CHECK ("window" BETWEEN 0 AND 20),
    max_drift int NOT NULL DEFAULT 20 CHECK (max_drift BETWEEN 0 AND 100),
    resync_window int NOT NULL DEFAULT 20 CHECK (resync_window BETWEEN 0 AND 100),
    hotp_look_ahead int NOT NULL DEFAULT 10 CHECK (hotp_look_ahead BETWEEN 0 AND 100),
    free_failures int NOT NULL DEFAULT 4 CHECK (free_failures BETWEEN 0 AND 10000),
    delay int NOT NULL DEFAULT 30 CHECK (delay BETWEEN 1 AND 86400),
    max_delay int NOT NULL DEFAULT 3600 CHECK (max_delay BETWEEN 1 AND 86400),
    max_failures int NOT NULL DEFAULT 100 CHECK (max_failures BETWEEN 1 AND 10000),
    budget int NOT NULL DEFAULT 100 CHECK (budget BETWEEN 1 AND 10000),
    budget_drain int NOT NULL DEFAULT 4 CHECK (budget_drain BETWEEN 1 AND 10000),
    CHECK (resync_window <= max_drift),
    CHECK (delay <= max_delay)
);
CREATE UNIQUE INDEX policy_is_one_row ON totp.policy ((true));
INSERT INTO totp.policy DEFAULT VALUES;

-- ---- what a person enrolled; never written at a login

CREATE TYPE totp.device AS (
    name text,
    id text,          -- names it in a login state: device_id()
    type text,        -- totp or hotp
    algorithm text,   -- sha1, sha256 or sha512
    digits int,       -- 6, 7 or 8
    period int,       -- seconds; totp only
    secret bytea
);

CREATE TYPE totp.recovery_code AS (
    hash text,        -- crypt's, with Blowfish; its end names the code in a login state
    form text,        -- symbols: ours; digits: eight, of another program
    expires bigint    -- null: never
);

CREATE TABLE totp.enrolment (
    account text PRIMARY KEY CHECK (octet_length(account) BETWEEN 1 AND 255),
    devices totp.device[] NOT NULL CHECK (cardinality(devices) BETWEEN 1 AND 8),
    recovery totp.recovery_code[] NOT NULL DEFAULT '{}' CHECK (cardinality(recovery) <= 32)
);

-- ---- what a login changes: one row for each account, and its lock is the account's

-- One side of the throttle.
CREATE TYPE totp.side_state AS (
    failures int,              -- in a row
    level bigint,              -- at last_failure, in parts of a code: see level_parts()
    last_failure bigint,
    place text,                -- of the last failure
    near_miss_device text,     -- the last failure was right for this device, had it been in step,
    near_miss_counter bigint   -- at this counter; both null: it wasn't
);

CREATE TYPE totp.device_state AS (
    id text,
    next bigint,      -- the lowest counter or time step that isn't spent; null: its past is lost
    drift int,        -- steps the device is ahead of our clock; totp only
    last_used bigint,
    place text
);

CREATE TYPE totp.known_place AS (
    place text,
    last_login bigint
);

CREATE TABLE totp.login_state (
    account text PRIMARY KEY REFERENCES totp.enrolment ON DELETE CASCADE,
    known totp.side_state NOT NULL DEFAULT (0, 0, 0, '', NULL, NULL),
    elsewhere totp.side_state NOT NULL DEFAULT (0, 0, 0, '', NULL, NULL),
    devices totp.device_state[] NOT NULL,
    spent_recovery text[] NOT NULL DEFAULT '{}',
    places totp.known_place[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);  -- room for the next version on the same page: no index is touched at a login

-- Nobody's records: an account that isn't enrolled is refused by these, in the same time. One row.
CREATE TABLE totp.nobody (
    enrolment totp.enrolment NOT NULL,
    state totp.login_state NOT NULL
);

-- ---- hosts

-- What was said of a host beside that there is its role. A host without a row is on.
CREATE TABLE totp.host (
    name text PRIMARY KEY,
    is_on boolean NOT NULL DEFAULT true,
    most_failures int NOT NULL DEFAULT 20 CHECK (most_failures BETWEEN 1 AND 1000000)  -- in ten minutes
);

-- ---- attempts

-- One for each response that a host asks about: outstanding until it has a verdict, with which it is kept for ten
-- minutes.
CREATE TABLE totp.attempt (
    host text,
    nonce bytea CHECK (octet_length(nonce) = 16),
    account text NOT NULL,
    response_mac bytea NOT NULL,         -- so that the second question is the first one's
    place text NOT NULL,
    service text NOT NULL,
    is_enrolled boolean NOT NULL,
    is_known_place boolean NOT NULL,
    codes_tried int NOT NULL,            -- how many codes the guess could hit
    charged_at bigint NOT NULL,
    charged_by xid8 NOT NULL DEFAULT pg_current_xact_id(),  -- the whole transaction, whatever savepoints it has
    decided_by xid8,
    verdict text,                        -- null: outstanding
    reason text,
    device text,
    drift int,
    failures int,
    PRIMARY KEY (host, nonce)
);
CREATE INDEX attempt_outstanding ON totp.attempt (account) WHERE verdict IS NULL AND is_enrolled;
CREATE INDEX attempt_failed ON totp.attempt (host, charged_at) WHERE verdict IS DISTINCT FROM 'accepted';
CREATE INDEX attempt_over ON totp.attempt (charged_at) WHERE verdict IS NOT NULL OR NOT is_enrolled;
