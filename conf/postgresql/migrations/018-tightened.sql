-- What wasn't held tightly enough: who makes a host wait, how long a host may hold an account and how much it may write,
-- what a first enrolment and its token are, when the last device goes, attempts from a clock that was ahead, and names of
-- hosts that are none.

SET LOCAL ROLE totp_owner;

-- ---- attempts

-- Whether nobody can decide on an attempt any more: it is too old, or from a clock that was ahead of this one.
CREATE FUNCTION totp.is_over(charged_at bigint, now bigint) RETURNS boolean
    IMMUTABLE PARALLEL SAFE
    RETURN charged_at NOT BETWEEN now - totp.longest_outstanding() AND now + totp.longest_outstanding();

-- As before, but also of those from a clock that was ahead: else they would keep a side shut until that time comes round.
CREATE OR REPLACE FUNCTION totp.with_lost_settled(state totp.login_state, policy totp.policy, now bigint)
    RETURNS totp.login_state
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    FOR attempt IN
        UPDATE totp.attempt AS charged SET verdict = 'unavailable', reason = 'store'
        WHERE charged.account = state.account AND charged.verdict IS NULL AND charged.is_enrolled
          AND totp.is_over(charged.charged_at, now)
        RETURNING *
    LOOP
        state := totp.with_lost(state, attempt, policy, now);
    END LOOP;
    RETURN state;
END
$$;

-- As before, but that guesses at who isn't enrolled don't count: they can hit nothing, and anybody on a host can make them.
-- Nor does what a clock that was ahead has charged.
CREATE OR REPLACE FUNCTION totp.host_closed_until(host text, now bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    most CONSTANT int := coalesce((SELECT known.most_failures FROM totp.host AS known
                                   WHERE known.name = host_closed_until.host), 20);
BEGIN
    RETURN (SELECT attempt.charged_at + totp.longest_kept() FROM totp.attempt
            WHERE attempt.host = host_closed_until.host AND attempt.is_enrolled
              AND attempt.verdict IS DISTINCT FROM 'accepted'
              AND attempt.charged_at > now - totp.longest_kept()
              AND attempt.charged_at <= now + totp.longest_outstanding()
            ORDER BY attempt.charged_at DESC OFFSET most - 1 LIMIT 1);
END
$$;

DROP INDEX totp.attempt_failed;
CREATE INDEX attempt_failed ON totp.attempt (host, charged_at) WHERE is_enrolled AND verdict IS DISTINCT FROM 'accepted';

-- As before, but that whoever adds an attempt forgets old ones: of guesses at who isn't enrolled there may be many, and
-- their second question never comes if the host doesn't ask it.
CREATE OR REPLACE FUNCTION totp.charge(held totp.held, policy totp.policy, asked totp.attempt, response text, now bigint)
    RETURNS totp.answer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    settled totp.login_state := totp.with_lost_settled(held.state, policy, now);
    side CONSTANT totp.side_state := totp.side_of(totp.with_outstanding(settled, policy, now), asked.is_known_place);
    side_until CONSTANT bigint := totp.closed_until(side, policy, now);
    host_until CONSTANT bigint := totp.host_closed_until(asked.host, now);
    no_guess CONSTANT text := totp.reason_not_to_count(response);
BEGIN
    IF side_until IS NOT NULL THEN settled := totp.with_wait_from_now(settled, asked.is_known_place, now); END IF;
    IF settled IS DISTINCT FROM held.state THEN PERFORM totp.commit_state(settled); END IF;
    IF side_until IS NOT NULL THEN
        RETURN ROW('throttled', NULL, NULL, NULL, side.failures, nullif(side_until, totp.no_end()) - now)::totp.answer;
    END IF;
    IF no_guess IS NOT NULL THEN
        RETURN ROW('refused', no_guess, NULL, NULL, side.failures, NULL)::totp.answer;
    END IF;
    IF host_until IS NOT NULL THEN
        RETURN ROW('throttled', NULL, NULL, NULL, NULL, host_until - now)::totp.answer;
    END IF;
    asked.codes_tried := totp.codes_tried(held.enrolment, settled, policy, response, now);
    INSERT INTO totp.attempt SELECT asked.*;
    PERFORM totp.forget_old_attempts(now);
    RETURN ROW('pending', NULL, NULL, NULL, NULL, NULL)::totp.answer;
END
$$;

-- As before, but that it leaves forgetting to the first question.
CREATE OR REPLACE FUNCTION totp.settle(held totp.held, policy totp.policy, attempt totp.attempt, response text, now bigint)
    RETURNS totp.answer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    side CONSTANT totp.side_state := totp.side_of(held.state, attempt.is_known_place);
    moment CONSTANT bigint := totp.moment_of(attempt, side, now);
    decision totp.decision;
BEGIN
    IF totp.is_over(attempt.charged_at, now) THEN
        PERFORM totp.commit_state(totp.with_lost_settled(held.state, policy, now));
        RETURN ROW('unavailable', 'store', NULL, NULL, NULL, NULL)::totp.answer;
    END IF;
    decision := totp.decide(held.enrolment, held.state, policy, response, attempt.place, attempt.is_known_place,
                            moment);
    IF totp.is_at_home(attempt.place, attempt.service) THEN decision.next.places := (held.state).places; END IF;
    IF NOT attempt.is_enrolled OR (held.state).account IS NULL THEN
        decision := ROW('refused', 'unenrolled', NULL, NULL, NULL, held.state)::totp.decision;
    END IF;
    PERFORM totp.commit_state(decision.next);
    UPDATE totp.attempt AS charged
    SET verdict = decision.verdict, reason = decision.reason, device = decision.device, drift = decision.drift,
        failures = decision.failures, decided_by = pg_current_xact_id()
    WHERE charged.host = attempt.host AND charged.nonce = attempt.nonce;
    RETURN ROW(decision.verdict, decision.reason, decision.device, decision.drift, decision.failures, NULL)::totp.answer;
END
$$;

-- ---- the account

-- The transactions that have written or hold a row. One with savepoints stands here as a whole, whatever became of them:
-- what a row itself tells of who holds it is the savepoint's number, which is gone once that is released.
CREATE FUNCTION totp.writers() RETURNS xid[]
    VOLATILE
    RETURN ARRAY(SELECT held.transactionid FROM pg_locks AS held
                 WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock');

-- Ends the sessions of other hosts whose transactions those are. Each time limit that is set for a role it can unset; this
-- one it can't. Who waits for the standby at the commit is left alone.
CREATE FUNCTION totp.end_transactions(transactions xid[]) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_terminate_backend(session.pid)
    FROM pg_locks AS held JOIN pg_stat_activity AS session ON session.pid = held.pid
    WHERE held.transactionid = ANY (transactions) AND held.mode = 'ExclusiveLock' AND totp.is_host(session.usesysid)
      AND session.pid <> pg_backend_pid() AND session.wait_event IS DISTINCT FROM 'SyncRep';
END
$$;

-- Locks the account's login state; null if there is none. Who has to wait does so for five times lock_timeout, and ends each
-- transaction of a host that may hold it from the first to the fourth: no login holds anything for so long, however many
-- wait.
CREATE OR REPLACE FUNCTION totp.locked_state(account text) RETURNS totp.login_state
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    state totp.login_state;
    first_writers xid[];
BEGIN
    FOR try IN 1 .. 5 LOOP
        BEGIN
            SELECT * INTO state FROM totp.login_state AS stored WHERE stored.account = locked_state.account FOR UPDATE;
            RETURN state;
        EXCEPTION WHEN lock_not_available THEN
            IF try = 1 THEN first_writers := totp.writers(); END IF;
            IF try = 4 AND first_writers && totp.writers() THEN PERFORM totp.end_transactions(first_writers); END IF;
        END;
    END LOOP;
    RAISE 'the account is held by others' USING ERRCODE = 'lock_not_available';
END
$$;

DROP FUNCTION totp.holder_of(text), totp.end_transaction(xid);

-- ---- what a host may ask

-- Refuses what no login has: a host could fill the disk with it.
CREATE FUNCTION totp.require_short(account text, response text, rhost text, service text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF greatest(octet_length(account), octet_length(service)) > 255
       OR greatest(octet_length(response), octet_length(rhost)) > 1024
    THEN
        RAISE 'account and service have at most 255 octets, response and rhost 1024'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

-- As before, but of what is short.
CREATE OR REPLACE FUNCTION totp.verify(account text, response text, nonce bytea, rhost text, service text)
    RETURNS TABLE (verdict text, reason text, device text, drift int, failures int, retry_in bigint)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '500ms'
    SET jit = off
AS $$
DECLARE
    host CONSTANT text := session_user;
    held totp.held;
    now bigint;
    answer totp.answer;
BEGIN
    PERFORM totp.require_short(account, response, rhost, service);
    PERFORM totp.require_plain_transaction();
    PERFORM totp.require_durable_commit();
    PERFORM totp.require_host_on(host);
    IF response IS NULL THEN
        answer.verdict := CASE WHEN totp.is_enrolled(account) THEN 'enrolled' ELSE 'unenrolled' END;
    ELSE
        held := totp.hold(account);
        now := totp.current_time();
        answer := totp.answer_to(
            totp.asked(held, host, account, response, nonce, totp.place_of(rhost, host), service, now),
            held, totp.current_policy(), response, now);
    END IF;
    RETURN QUERY SELECT answer.*;
END
$$;

-- ---- first enrolments

CREATE FUNCTION totp.refuse_another_first(account text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE 'meanwhile % was enrolled: nothing was changed; begin again', account USING ERRCODE = 'unique_violation';
END
$$;

-- As before, but that of two at once the one that comes too late is told so.
CREATE OR REPLACE FUNCTION totp.commit_records(held totp.held) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    enrolment CONSTANT totp.enrolment := held.enrolment;
    state totp.login_state := totp.without_strangers(held.state, enrolment);
    flaw CONSTANT text := totp.flaw_of(enrolment);
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    IF state.account IS NULL THEN
        state.account := enrolment.account;
        INSERT INTO totp.enrolment SELECT enrolment.* ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN PERFORM totp.refuse_another_first(enrolment.account); END IF;
        INSERT INTO totp.login_state SELECT state.*;
    ELSE
        UPDATE totp.enrolment AS stored SET devices = enrolment.devices, recovery = enrolment.recovery
        WHERE stored.account = enrolment.account;
        PERFORM totp.commit_state(state);
    END IF;
END
$$;

-- `held` with one more device; with `code` only if the device shows that now. Null: it doesn't.
CREATE FUNCTION totp.with_new_device(held totp.held, added totp.device, counter bigint, code text) RETURNS totp.held
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    flaw CONSTANT text := totp.flaw_of(added);
    stands totp.device_state;
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    added.id := totp.device_id(added);
    stands := ROW(added.id, CASE added.type WHEN 'hotp' THEN counter ELSE 0 END, 0, 0, '')::totp.device_state;
    IF code IS NOT NULL THEN
        stands := totp.confirmed(added, stands, code, totp.current_time());
        IF stands.id IS NULL THEN RETURN NULL; END IF;
    END IF;
    held.enrolment.devices := (held.enrolment).devices || added;
    held.state.devices := (held.state).devices || stands;
    RETURN held;
END
$$;

-- As before.
CREATE OR REPLACE FUNCTION totp.add_device(account text, device text, secret bytea, type text DEFAULT 'totp',
                                           algorithm text DEFAULT 'sha1', digits int DEFAULT 6, period int DEFAULT 30,
                                           counter bigint DEFAULT 0, code text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold(account);
BEGIN
    IF (held.state).account IS NULL THEN held := totp.empty_records(account); END IF;
    held := totp.with_new_device(held, ROW(device, '', type, algorithm, digits, period, secret)::totp.device, counter, code);
    IF (held.enrolment).account IS NULL THEN RETURN false; END IF;
    PERFORM totp.commit_records(held);
    RETURN true;
END
$$;

-- Enrols an account that isn't: its first device, and so many recovery codes, to be shown once. With `code` only if the
-- device shows that now. Null: it doesn't, and nothing was done.
CREATE FUNCTION totp.enrol_with_codes(account text, device text, secret bytea, type text, algorithm text, digits int,
                                      period int, counter bigint, code text, recovery_codes int) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    codes CONSTANT text[] := ARRAY(SELECT totp.random_recovery_code() FROM generate_series(1, recovery_codes));
    held totp.held := totp.hold(account);
BEGIN
    IF (held.state).account IS NOT NULL THEN PERFORM totp.refuse_another_first(account); END IF;
    held := totp.with_new_device(totp.empty_records(account),
                                 ROW(device, '', type, algorithm, digits, period, secret)::totp.device, counter, code);
    IF (held.enrolment).account IS NULL THEN RETURN NULL; END IF;
    held.enrolment.recovery := totp.kept_codes(codes, 'symbols', NULL, '{}');
    PERFORM totp.commit_records(held);
    RETURN to_jsonb(codes);
END
$$;

-- ---- tokens

-- No token outlives the enrolment it was for, nor one that came by another way.
CREATE FUNCTION totp.forget_token() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM totp.enrolment_token AS known WHERE known.account = coalesce(NEW.account, OLD.account);
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_token AFTER INSERT OR DELETE ON totp.enrolment
    FOR EACH ROW EXECUTE FUNCTION totp.forget_token();
DELETE FROM totp.enrolment_token AS known WHERE totp.is_enrolled(known.account);

-- Refuses who has no token for the account. One that is good is held: of two uses at once one counts.
CREATE FUNCTION totp.require_token(account text, token text) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM totp.require_plain_transaction();
    PERFORM FROM totp.enrolment_token AS known WHERE known.account = require_token.account FOR UPDATE;
    IF NOT totp.takes_token(account, token) THEN
        RAISE 'an administrator gives a token for the first enrolment' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

-- As before, but once, and for the first device alone.
CREATE OR REPLACE FUNCTION totp.enrol_myself(account text, token text, device text, secret bytea, code text,
                                             type text DEFAULT 'totp', algorithm text DEFAULT 'sha1',
                                             digits int DEFAULT 6, period int DEFAULT 30, counter bigint DEFAULT 0)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.require_token(account, token);
    RETURN totp.enrol_with_codes(account, device, secret, type, algorithm, digits, period, counter, coalesce(code, ''), 0)
           IS NOT NULL;
END
$$;

CREATE OR REPLACE FUNCTION totp.enrol_myself_with_codes(account text, token text, device text, secret bytea, type text,
                                                        algorithm text, digits int, period int, counter bigint, code text,
                                                        recovery_codes int) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.require_token(account, token);
    RETURN totp.enrol_with_codes(account, device, secret, type, algorithm, digits, period, counter, coalesce(code, ''),
                                 recovery_codes);
END
$$;

-- ---- devices that go

-- Takes one device away; the last one, and the enrolment with it, only where that is meant. False: it is the last, and
-- nothing was done.
CREATE FUNCTION totp.remove_device(account text, device text, may_be_last boolean) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
    kept CONSTANT totp.device[] := ARRAY(SELECT enrolled FROM unnest((held.enrolment).devices) AS enrolled
                                         WHERE enrolled.name <> device);
BEGIN
    IF cardinality(kept) = cardinality((held.enrolment).devices) THEN
        RAISE '% has no device %', account, device USING ERRCODE = 'no_data_found';
    END IF;
    IF kept = '{}' THEN
        IF may_be_last THEN PERFORM totp.remove(account); END IF;
        RETURN may_be_last;
    END IF;
    held.enrolment.devices := kept;
    PERFORM totp.commit_records(held);
    RETURN true;
END
$$;

-- Of whatever device.
CREATE OR REPLACE FUNCTION totp.remove_device(account text, device text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.remove_device(account, device, true);
END
$$;

CREATE FUNCTION totp.remove_my_device(nonce bytea, device text, may_be_last boolean) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    RETURN totp.remove_device(totp.account_of(nonce), device, may_be_last);
END
$$;

-- ---- hosts

-- Refuses a name that is no host's: neither a role has it that may log in as one, nor was anything said of it before.
CREATE FUNCTION totp.require_host(host text) RETURNS void
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles AS role WHERE role.rolname = host AND role.rolcanlogin AND totp.is_host(role.oid))
       AND NOT EXISTS (SELECT FROM totp.host AS known WHERE known.name = host)
    THEN
        RAISE '% is no host', host USING ERRCODE = 'no_data_found';
    END IF;
END
$$;

-- As before, each for a host alone.
CREATE OR REPLACE FUNCTION totp.switch_off_host(host text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM totp.require_host(host);
    INSERT INTO totp.host (name, is_on) VALUES (host, false) ON CONFLICT (name) DO UPDATE SET is_on = false;
    RETURN (SELECT count(pg_terminate_backend(session.pid)) FROM pg_stat_activity AS session
            WHERE session.usename = host AND totp.is_host(session.usesysid) AND session.datname = current_database());
END
$$;

CREATE OR REPLACE FUNCTION totp.switch_on_host(host text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM totp.require_host(host);
    UPDATE totp.host AS known SET is_on = true WHERE known.name = host;
END
$$;

CREATE OR REPLACE FUNCTION totp.limit_host(host text, most_failures int) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM totp.require_host(host);
    INSERT INTO totp.host (name, most_failures) VALUES (host, most_failures)
    ON CONFLICT (name) DO UPDATE SET most_failures = excluded.most_failures;
END
$$;

-- As before, but that `failed` is what counts towards most_failures.
CREATE OR REPLACE FUNCTION totp.hosts()
    RETURNS TABLE (host text, is_on boolean, most_failures int, accepted bigint, failed bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT role.rolname::text, coalesce(known.is_on, true), coalesce(known.most_failures, 20),
               count(*) FILTER (WHERE attempt.verdict = 'accepted'),
               count(*) FILTER (WHERE attempt.is_enrolled AND attempt.verdict IS DISTINCT FROM 'accepted')
        FROM pg_roles AS role
             LEFT JOIN totp.host AS known ON known.name = role.rolname
             LEFT JOIN totp.attempt ON attempt.host = role.rolname
                  AND attempt.charged_at > totp.current_time() - totp.longest_kept()
                  AND attempt.charged_at <= totp.current_time() + totp.longest_outstanding()
        WHERE role.rolcanlogin AND totp.is_host(role.oid)
        GROUP BY role.rolname, known.is_on, known.most_failures
        ORDER BY role.rolname;
END
$$;

GRANT EXECUTE ON FUNCTION totp.enrol_with_codes(text, text, bytea, text, text, int, int, bigint, text, int),
    totp.remove_device(text, text, boolean) TO totp_admin;
GRANT EXECUTE ON FUNCTION totp.remove_my_device(bytea, text, boolean) TO totp_person;
