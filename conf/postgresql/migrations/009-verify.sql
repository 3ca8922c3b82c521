-- What a host may ask. The answer is given in a second transaction: in one it would be an oracle, for a stolen host
-- could begin, ask, read the answer and roll back, and no guess was counted. So a login asks verify() twice with the
-- same arguments, each time in a transaction of its own:
--
--     first    charges: once it is committed an attempt stands in totp.attempt. Answers `pending`, or what can be said
--              without a look at the code.
--     second   decides, where another transaction has committed the attempt, and keeps the verdict with it.
--
-- An attempt that is outstanding counts as a failure all the while. One that is never decided stays a failure.

SET LOCAL ROLE totp_owner;

-- How long, in seconds, after it was charged an attempt may be decided; and how long it is kept, for whoever asks
-- again after a lost connection, and to see how often a host fails.
CREATE FUNCTION totp.longest_outstanding() RETURNS bigint IMMUTABLE PARALLEL SAFE RETURN 60;
CREATE FUNCTION totp.longest_kept() RETURNS bigint IMMUTABLE PARALLEL SAFE RETURN 600;

CREATE FUNCTION totp.current_time() RETURNS bigint
    VOLATILE
    RETURN floor(extract(epoch FROM clock_timestamp()))::bigint;

CREATE FUNCTION totp.current_policy() RETURNS totp.policy
    STABLE
    RETURN (SELECT policy FROM totp.policy);

CREATE TYPE totp.answer AS (
    verdict text,
    reason text,
    device text,
    drift int,
    failures int,
    retry_in bigint
);

-- ---- what a transaction of a host must be

-- Refuses transactions that see an old state, and servers on which one could outlive its connection.
CREATE FUNCTION totp.require_plain_transaction() RETURNS void
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'a host asks in transactions that are read committed' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF current_setting('max_prepared_transactions')::int > 0 THEN
        RAISE 'a prepared transaction could hold an account for ever' USING
            ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Set max_prepared_transactions to 0 and start the server anew.';
    END IF;
END
$$;

-- Whatever the session or its role has set, the commit waits for the disk and for a synchronous standby.
CREATE FUNCTION totp.require_durable_commit() RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
END
$$;

-- Refuses a host that is switched off: in open sessions too, from their next question on.
CREATE FUNCTION totp.require_host_on(host text) RETURNS void
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM totp.host AS known WHERE known.name = require_host_on.host AND NOT known.is_on) THEN
        RAISE 'the host % is switched off', host USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

CREATE FUNCTION totp.is_host(role oid) RETURNS boolean
    STABLE
    RETURN pg_has_role(role, 'totp_host', 'MEMBER') AND NOT (SELECT rolsuper FROM pg_roles WHERE pg_roles.oid = role);

-- ---- the account

-- What stands of an account, its login state locked until the end of the transaction.
CREATE TYPE totp.held AS (
    enrolment totp.enrolment,
    state totp.login_state
);

CREATE FUNCTION totp.is_enrolled(account text) RETURNS boolean
    STABLE
    RETURN EXISTS (SELECT FROM totp.enrolment AS stored WHERE stored.account = is_enrolled.account);

-- The transaction that holds an account's login state; null if none does.
CREATE FUNCTION totp.holder_of(account text) RETURNS xid
    VOLATILE
    RETURN (SELECT held.transactionid
            FROM totp.login_state AS stored JOIN pg_locks AS held ON held.transactionid = stored.xmax
            WHERE stored.account = holder_of.account AND held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock');

-- Ends the session of a host whose transaction that is. Each time limit that is set for a role it can unset; this one it
-- can't. Who waits for the standby at the commit is left alone.
CREATE FUNCTION totp.end_transaction(transaction xid) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_terminate_backend(session.pid)
    FROM pg_locks AS held JOIN pg_stat_activity AS session ON session.pid = held.pid
    WHERE held.transactionid = transaction AND held.mode = 'ExclusiveLock' AND totp.is_host(session.usesysid)
      AND session.wait_event IS DISTINCT FROM 'SyncRep';
END
$$;

-- Locks the account's login state; null if there is none. Who has to wait does so for five times lock_timeout, and ends a
-- transaction that holds it from the first to the fourth: no login needs it for so long, however many wait.
CREATE FUNCTION totp.locked_state(account text) RETURNS totp.login_state
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    state totp.login_state;
    first_holder xid;
BEGIN
    FOR try IN 1 .. 5 LOOP
        BEGIN
            SELECT * INTO state FROM totp.login_state AS stored WHERE stored.account = locked_state.account FOR UPDATE;
            RETURN state;
        EXCEPTION WHEN lock_not_available THEN
            IF try = 1 THEN first_holder := totp.holder_of(account); END IF;
            IF try = 4 AND first_holder = totp.holder_of(account) THEN PERFORM totp.end_transaction(first_holder); END IF;
        END;
    END LOOP;
    RAISE 'the account is held by others' USING ERRCODE = 'lock_not_available';
END
$$;

-- The account's records; nobody's, which have no account, for one that isn't enrolled.
CREATE FUNCTION totp.hold(account text) RETURNS totp.held
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    enrolment totp.enrolment;
    state totp.login_state;
    nobody totp.held;
BEGIN
    SELECT * INTO state FROM totp.login_state AS stored WHERE stored.account = hold.account FOR UPDATE SKIP LOCKED;
    IF NOT FOUND AND totp.is_enrolled(account) THEN state := totp.locked_state(account); END IF;
    SELECT * INTO enrolment FROM totp.enrolment AS stored WHERE stored.account = state.account;
    IF FOUND THEN RETURN ROW(enrolment, state)::totp.held; END IF;
    SELECT * INTO nobody FROM totp.nobody;
    RETURN nobody;
END
$$;

-- Stores `next`; nobody's isn't stored.
CREATE FUNCTION totp.commit_state(next totp.login_state) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE totp.login_state AS stored
    SET known = next.known, elsewhere = next.elsewhere, devices = next.devices,
        spent_recovery = next.spent_recovery, places = next.places
    WHERE stored.account = next.account;
END
$$;

-- ---- attempts

-- Binds an attempt to its response without keeping that.
CREATE FUNCTION totp.response_mac(response text, nonce bytea) RETURNS bytea
    IMMUTABLE PARALLEL SAFE
    RETURN totp_crypto.hmac(convert_to(response, 'UTF8'), nonce, 'sha256');

-- When an attempt happened: when it was charged, so that its second question, however often it is asked, tries no other
-- codes. But a side's failures never go back in time for it.
CREATE FUNCTION totp.moment_of(attempt totp.attempt, side totp.side_state, now bigint) RETURNS bigint
    IMMUTABLE PARALLEL SAFE
    RETURN least(greatest(attempt.charged_at, side.last_failure), now);

-- `state` after an attempt of which nobody will know whether it was right: a failure.
CREATE FUNCTION totp.with_lost(state totp.login_state, attempt totp.attempt, policy totp.policy, now bigint)
    RETURNS totp.login_state
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    side CONSTANT totp.side_state := totp.side_of(state, attempt.is_known_place);
BEGIN
    RETURN totp.with_side(state, attempt.is_known_place,
                          totp.with_failure(side, policy, totp.moment_of(attempt, side, now), attempt.place,
                                            attempt.codes_tried));
END
$$;

-- `state` as it is if no outstanding attempt is right.
CREATE FUNCTION totp.with_outstanding(state totp.login_state, policy totp.policy, now bigint) RETURNS totp.login_state
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    FOR attempt IN
        SELECT * FROM totp.attempt AS charged
        WHERE charged.account = state.account AND charged.verdict IS NULL AND charged.is_enrolled
        ORDER BY charged.charged_at
    LOOP
        state := totp.with_lost(state, attempt, policy, now);
    END LOOP;
    RETURN state;
END
$$;

-- Counts those that are too old to be decided, for good.
CREATE FUNCTION totp.with_lost_settled(state totp.login_state, policy totp.policy, now bigint) RETURNS totp.login_state
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    FOR attempt IN
        UPDATE totp.attempt AS charged SET verdict = 'unavailable', reason = 'store'
        WHERE charged.account = state.account AND charged.verdict IS NULL AND charged.is_enrolled
          AND charged.charged_at < now - totp.longest_outstanding()
        RETURNING *
    LOOP
        state := totp.with_lost(state, attempt, policy, now);
    END LOOP;
    RETURN state;
END
$$;

-- Forgets what nobody asks for any more, a little at a time.
CREATE FUNCTION totp.forget_old_attempts(now bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM totp.attempt WHERE (host, nonce) IN (
        SELECT host, nonce FROM totp.attempt
        WHERE charged_at < now - totp.longest_kept() AND (verdict IS NOT NULL OR NOT is_enrolled)
        ORDER BY charged_at LIMIT 4 FOR UPDATE SKIP LOCKED);
END
$$;

-- Until when a host has to wait that has failed, or left attempts outstanding, too often in the last ten minutes; null
-- if it hasn't. No row is locked for it: logins of one host don't wait for each other, and it may exceed the number
-- by as many as it asks at one moment.
CREATE FUNCTION totp.host_closed_until(host text, now bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    most CONSTANT int := coalesce((SELECT known.most_failures FROM totp.host AS known
                                   WHERE known.name = host_closed_until.host), 20);
BEGIN
    RETURN (SELECT attempt.charged_at + totp.longest_kept() FROM totp.attempt
            WHERE attempt.host = host_closed_until.host AND attempt.verdict IS DISTINCT FROM 'accepted'
              AND attempt.charged_at > now - totp.longest_kept()
            ORDER BY attempt.charged_at DESC OFFSET most - 1 LIMIT 1);
END
$$;

-- ---- the two questions

-- If the clock was set back, a wait begins now, once: else it would begin anew at every attempt until the old time
-- comes round.
CREATE FUNCTION totp.with_wait_from_now(state totp.login_state, is_known_place boolean, now bigint)
    RETURNS totp.login_state
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    side totp.side_state := totp.side_of(state, is_known_place);
BEGIN
    side.last_failure := least(side.last_failure, now);
    RETURN totp.with_side(state, is_known_place, side);
END
$$;

-- The first: throttled, or no guess, or else an attempt.
CREATE FUNCTION totp.charge(held totp.held, policy totp.policy, asked totp.attempt, response text, now bigint)
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
    RETURN ROW('pending', NULL, NULL, NULL, NULL, NULL)::totp.answer;
END
$$;

-- The second: the verdict on an attempt that is committed. The place and the side it was charged to it keeps.
CREATE FUNCTION totp.settle(held totp.held, policy totp.policy, attempt totp.attempt, response text, now bigint)
    RETURNS totp.answer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    side CONSTANT totp.side_state := totp.side_of(held.state, attempt.is_known_place);
    moment CONSTANT bigint := totp.moment_of(attempt, side, now);
    decision totp.decision;
BEGIN
    IF attempt.charged_at < now - totp.longest_outstanding() THEN
        PERFORM totp.commit_state(totp.with_lost_settled(held.state, policy, now));
        RETURN ROW('unavailable', 'store', NULL, NULL, NULL, NULL)::totp.answer;
    END IF;
    decision := totp.decide(held.enrolment, held.state, policy, response, attempt.place, attempt.is_known_place,
                            moment);
    IF NOT attempt.is_enrolled OR (held.state).account IS NULL THEN
        decision := ROW('refused', 'unenrolled', NULL, NULL, NULL, held.state)::totp.decision;
    END IF;
    PERFORM totp.commit_state(decision.next);
    UPDATE totp.attempt AS charged
    SET verdict = decision.verdict, reason = decision.reason, device = decision.device, drift = decision.drift,
        failures = decision.failures, decided_by = pg_current_xact_id()
    WHERE charged.host = attempt.host AND charged.nonce = attempt.nonce;
    PERFORM totp.forget_old_attempts(now);
    RETURN ROW(decision.verdict, decision.reason, decision.device, decision.drift, decision.failures, NULL)::totp.answer;
END
$$;

-- A question as an attempt that isn't charged yet.
CREATE FUNCTION totp.asked(held totp.held, host text, account text, response text, nonce bytea, place text, service text,
                           now bigint) RETURNS totp.attempt
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    attempt.host := host;
    attempt.nonce := nonce;
    attempt.account := account;
    attempt.response_mac := totp.response_mac(response, nonce);
    attempt.place := place;
    attempt.service := coalesce(service, '');
    attempt.is_enrolled := (held.state).account IS NOT NULL;
    attempt.is_known_place := totp.is_known((held.state).places, place, now);
    attempt.charged_at := now;
    attempt.charged_by := pg_current_xact_id();
    RETURN attempt;
END
$$;

-- Which of the two questions it is, and its answer.
CREATE FUNCTION totp.answer_to(asked totp.attempt, held totp.held, policy totp.policy, response text, now bigint)
    RETURNS totp.answer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    SELECT * INTO attempt FROM totp.attempt AS charged WHERE charged.host = asked.host AND charged.nonce = asked.nonce;
    IF NOT FOUND THEN
        RETURN totp.charge(held, policy, asked, response, now);
    ELSIF attempt.account <> asked.account OR attempt.response_mac <> asked.response_mac THEN
        RAISE 'the nonce belongs to another question' USING ERRCODE = 'invalid_parameter_value';
    ELSIF attempt.verdict IS NOT NULL THEN
        RETURN ROW(attempt.verdict, attempt.reason, attempt.device, attempt.drift, attempt.failures, NULL)::totp.answer;
    ELSIF attempt.charged_by = asked.charged_by THEN
        RETURN ROW('pending', NULL, NULL, NULL, NULL, NULL)::totp.answer;
    END IF;
    RETURN totp.settle(held, policy, attempt, response, now);
END
$$;

-- What comes of a response, asked twice; of none (`response` null), asked once, whether the account is enrolled.
--
-- account   the name, as NSS spells it
-- nonce     16 random octets: the same each time that this one response is asked about
-- rhost     PAM_RHOST; `local:UID` or nothing for somebody on the host itself
--
-- verdict   pending      ask again, in another transaction, once this one is committed
--           accepted     counts only once this transaction is known to be committed, and no warning came
--           refused, throttled, unavailable; enrolled, unenrolled
-- reason    of refused and unavailable: a word of core/verdict
-- retry_in  of throttled: seconds; null: not until an administrator unlocks
CREATE FUNCTION totp.verify(account text, response text, nonce bytea, rhost text, service text)
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
GRANT EXECUTE ON FUNCTION totp.verify TO totp_host;
