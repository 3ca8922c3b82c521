-- What an administrator may do. Nothing here gives a secret away that is enrolled already.

SET LOCAL ROLE totp_owner;

-- ---- the enrolment

-- What is wrong with a device; null if nothing is.
CREATE FUNCTION totp.flaw_of(device totp.device) RETURNS text
    IMMUTABLE
    RETURN CASE
        WHEN device.name !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$' OR device.name = 'recovery' THEN 'no device can have this name'
        WHEN device.type NOT IN ('totp', 'hotp') THEN 'the type is totp or hotp'
        WHEN device.algorithm NOT IN ('sha1', 'sha256', 'sha512') THEN 'the algorithm is sha1, sha256 or sha512'
        WHEN device.digits NOT BETWEEN 6 AND 8 THEN 'a code has 6, 7 or 8 digits'
        WHEN device.type = 'totp' AND device.period NOT BETWEEN 1 AND 3600 THEN 'the period is 1 to 3600 seconds'
        WHEN octet_length(device.secret) NOT BETWEEN 16 AND 128 THEN 'a secret has 16 to 128 octets'
        WHEN device IS NULL OR num_nulls(device.name, device.id, device.type, device.algorithm, device.digits,
                                         device.secret) > 0
             OR device.type = 'totp' AND device.period IS NULL THEN 'a device has all its parameters'
    END;

-- What is wrong with an enrolment as a whole; null if nothing is.
CREATE FUNCTION totp.flaw_of(enrolment totp.enrolment) RETURNS text
    IMMUTABLE
    RETURN (
        SELECT CASE
            WHEN count(*) > 8 THEN 'an account has at most 8 devices'
            WHEN count(DISTINCT device.name) < count(*) THEN 'another device of the account has this name'
            WHEN count(DISTINCT device.secret) < count(*) THEN 'another device of the account has this secret'
            WHEN cardinality(enrolment.recovery) > 32 THEN 'an account has at most 32 recovery codes'
        END
        FROM unnest(enrolment.devices) AS device
    );

-- Stores an account's records, which are held; forgets what its login state knows of devices and codes that are gone.
CREATE FUNCTION totp.commit_records(held totp.held) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    enrolment CONSTANT totp.enrolment := held.enrolment;
    state CONSTANT totp.login_state := totp.without_strangers(held.state, enrolment);
    flaw CONSTANT text := totp.flaw_of(enrolment);
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    UPDATE totp.enrolment AS stored SET devices = enrolment.devices, recovery = enrolment.recovery
    WHERE stored.account = enrolment.account;
    IF FOUND THEN
        PERFORM totp.commit_state(state);
    ELSE  -- of two at once one wins, the other has an error
        INSERT INTO totp.enrolment SELECT enrolment.*;
        INSERT INTO totp.login_state SELECT state.*;
    END IF;
END
$$;

-- The account's records, which must be there.
CREATE FUNCTION totp.hold_enrolled(account text) RETURNS totp.held
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held CONSTANT totp.held := totp.hold(account);
BEGIN
    IF (held.state).account IS NULL THEN RAISE '% isn''t enrolled', account USING ERRCODE = 'no_data_found'; END IF;
    RETURN held;
END
$$;

-- An account's first records, without anything in them.
CREATE FUNCTION totp.empty_records(account text) RETURNS totp.held
    IMMUTABLE
    RETURN ROW(ROW(account, '{}', '{}')::totp.enrolment,
               ROW(account, (0, 0, 0, '', NULL, NULL), (0, 0, 0, '', NULL, NULL), '{}', '{}', '{}')::totp.login_state
           )::totp.held;

-- What a new device's first code says of its counter or clock; null if the code is wrong.
CREATE FUNCTION totp.confirmed(device totp.device, stands totp.device_state, code text, now bigint)
    RETURNS totp.device_state
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    policy CONSTANT totp.policy := totp.current_policy();
    digits CONSTANT text := totp.typed_code(code);
    match totp.match;
BEGIN
    IF digits IS NULL OR length(digits) <> device.digits THEN RETURN NULL; END IF;
    match := totp.match_code(device, digits::int, totp.expected(device, stands, policy, now), stands.next);
    IF match.fresh IS NULL THEN RETURN NULL; END IF;
    stands := totp.spent(stands, device, policy, match.fresh, '', now);
    stands.last_used := 0;
    RETURN stands;
END
$$;

-- Enrols a device, the account too if it is the first. With `code` only if the device shows that now; it is spent by
-- it. False: the code is wrong, and nothing was done.
CREATE FUNCTION totp.add_device(account text, device text, secret bytea, type text DEFAULT 'totp',
                                algorithm text DEFAULT 'sha1', digits int DEFAULT 6, period int DEFAULT 30,
                                counter bigint DEFAULT 0, code text DEFAULT NULL) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    added totp.device := ROW(device, '', type, algorithm, digits, period, secret)::totp.device;
    stands totp.device_state;
    flaw text := totp.flaw_of(added);
    held totp.held := totp.hold(account);
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    added.id := totp.device_id(added);
    stands := ROW(added.id, CASE type WHEN 'hotp' THEN counter ELSE 0 END, 0, 0, '')::totp.device_state;
    IF code IS NOT NULL THEN
        stands := totp.confirmed(added, stands, code, totp.current_time());
        IF stands.id IS NULL THEN RETURN false; END IF;
    END IF;
    IF (held.state).account IS NULL THEN held := totp.empty_records(account); END IF;
    held.enrolment.devices := (held.enrolment).devices || added;
    held.state.devices := (held.state).devices || stands;
    PERFORM totp.commit_records(held);
    RETURN true;
END
$$;

-- Takes the whole enrolment away, from the next login on.
CREATE FUNCTION totp.remove(account text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.hold_enrolled(account);
    UPDATE totp.attempt SET verdict = 'refused', reason = 'unenrolled'
    WHERE attempt.account = remove.account AND verdict IS NULL;
    DELETE FROM totp.enrolment WHERE enrolment.account = remove.account;
END
$$;

-- Takes one device away; with the last one the enrolment.
CREATE FUNCTION totp.remove_device(account text, device text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
    kept CONSTANT totp.device[] := ARRAY(SELECT enrolled FROM unnest((held.enrolment).devices) AS enrolled
                                         WHERE enrolled.name <> device);
BEGIN
    IF cardinality(kept) = cardinality((held.enrolment).devices) THEN
        RAISE '% has no device %', account, device USING ERRCODE = 'no_data_found';
    ELSIF kept = '{}' THEN
        PERFORM totp.remove(account);
    ELSE
        held.enrolment.devices := kept;
        PERFORM totp.commit_records(held);
    END IF;
END
$$;

-- ---- recovery codes

-- 16 symbols of five random bits each, in groups of four.
CREATE FUNCTION totp.random_recovery_code() RETURNS text
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    octets CONSTANT bytea := totp_crypto.gen_random_bytes(16);
    code text := '';
BEGIN
    FOR i IN 0 .. 15 LOOP
        IF i IN (4, 8, 12) THEN code := code || '-'; END IF;
        code := code || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (get_byte(octets, i) & 31) + 1, 1);
    END LOOP;
    RETURN code;
END
$$;

-- `codes` as they are kept. All of one form in `others` share a salt, so that trying a response costs one hash.
CREATE FUNCTION totp.kept_codes(codes text[], form text, expires bigint, others totp.recovery_code[])
    RETURNS totp.recovery_code[]
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    setting CONSTANT text := coalesce((SELECT totp.setting_of(code.hash) FROM unnest(others) AS code
                                       WHERE code.form = kept_codes.form LIMIT 1), totp.new_setting(form));
BEGIN
    RETURN ARRAY(SELECT ROW(totp_crypto.crypt(translate(code, '- ', ''), setting), form, expires)::totp.recovery_code
                 FROM unnest(codes) AS code);
END
$$;

-- A new set of recovery codes, to be shown once; the old set is void.
CREATE FUNCTION totp.new_recovery_codes(account text, count int DEFAULT 10) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
    codes CONSTANT text[] := ARRAY(SELECT totp.random_recovery_code() FROM generate_series(1, count));
BEGIN
    held.enrolment.recovery := totp.kept_codes(codes, 'symbols', NULL, '{}');
    PERFORM totp.commit_records(held);
    RETURN QUERY SELECT unnest(codes);
END
$$;

-- One more code, for somebody who is locked out; it expires.
CREATE FUNCTION totp.one_more_recovery_code(account text, expires_in interval DEFAULT '24 h') RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
    code CONSTANT text := totp.random_recovery_code();
    expires CONSTANT bigint := totp.current_time() + extract(epoch FROM expires_in)::bigint;
BEGIN
    held.enrolment.recovery := (held.enrolment).recovery
                               || totp.kept_codes(ARRAY[code], 'symbols', expires, (held.enrolment).recovery);
    PERFORM totp.commit_records(held);
    RETURN code;
END
$$;

-- Takes over another program's codes of eight digits each.
CREATE FUNCTION totp.keep_recovery_digits(account text, codes text[]) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
BEGIN
    IF EXISTS (SELECT FROM unnest(codes) AS code WHERE translate(code, '- ', '') !~ '^[0-9]{8}$') THEN
        RAISE 'a recovery code of another program has eight digits' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    held.enrolment.recovery := (held.enrolment).recovery
                               || totp.kept_codes(codes, 'digits', NULL, (held.enrolment).recovery);
    PERFORM totp.commit_records(held);
END
$$;

-- ---- how accounts stand

-- Clears the failures of both sides, or of `known` or `elsewhere` alone.
CREATE FUNCTION totp.unlock(account text, side text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    open CONSTANT totp.side_state := ROW(0, 0, 0, '', NULL, NULL)::totp.side_state;
    held CONSTANT totp.held := totp.hold_enrolled(account);
    state totp.login_state := totp.with_lost_settled(held.state, totp.current_policy(), totp.current_time());
BEGIN
    IF side IS NOT NULL AND side NOT IN ('known', 'elsewhere') THEN
        RAISE 'a side is known or elsewhere' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF side IS DISTINCT FROM 'elsewhere' THEN state := totp.with_side(state, true, open); END IF;
    IF side IS DISTINCT FROM 'known' THEN state := totp.with_side(state, false, open); END IF;
    PERFORM totp.commit_state(state);
END
$$;

-- RFC 3339 in UTC; null for never.
CREATE FUNCTION totp.moment(seconds bigint) RETURNS text
    STABLE
    RETURN CASE WHEN seconds BETWEEN 1 AND 253402300799
                THEN to_char(to_timestamp(seconds) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END;

CREATE FUNCTION totp.standing_of(side totp.side_state, policy totp.policy, now bigint) RETURNS jsonb
    STABLE
    RETURN jsonb_build_object(
        'failures', side.failures,
        'level', (totp.drained_level(side, policy, now) + totp.level_parts() - 1) / totp.level_parts(),
        'locked_until', CASE totp.closed_until(side, policy, now)
                            WHEN totp.no_end() THEN 'unlock'
                            ELSE totp.moment(totp.closed_until(side, policy, now))
                        END);

-- How an account stands, in the words of `totp-enroll status --json`. No secret is in it.
CREATE FUNCTION totp.status(account text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now CONSTANT bigint := totp.current_time();
    policy CONSTANT totp.policy := totp.current_policy();
    enrolment CONSTANT totp.enrolment := (SELECT stored FROM totp.enrolment AS stored WHERE stored.account = status.account);
    state totp.login_state := (SELECT stored FROM totp.login_state AS stored WHERE stored.account = status.account);
BEGIN
    IF state.account IS NULL THEN RETURN jsonb_build_object('user', account, 'enrolled', false); END IF;
    state := totp.with_outstanding(state, policy, now);
    RETURN jsonb_build_object(
        'user', account,
        'enrolled', true,
        'devices', (SELECT jsonb_agg(jsonb_build_object(
                                'name', device.name, 'type', device.type, 'algorithm', upper(device.algorithm),
                                'digits', device.digits, 'period', device.period, 'drift', stands.drift,
                                'last_used', totp.moment(stands.last_used), 'last_from', nullif(stands.place, ''))
                            ORDER BY device.position)
                    FROM unnest(enrolment.devices) WITH ORDINALITY
                             AS device(name, id, type, algorithm, digits, period, secret, position)
                         JOIN unnest(state.devices) AS stands USING (id)),
        'recovery_codes_left', totp.recovery_codes_left(enrolment, state.spent_recovery, 'symbols', now)
                               + totp.recovery_codes_left(enrolment, state.spent_recovery, 'digits', now),
        'known', totp.standing_of(state.known, policy, now),
        'elsewhere', totp.standing_of(state.elsewhere, policy, now),
        'places', (SELECT coalesce(jsonb_agg(jsonb_build_object('address', known.place, 'last', totp.moment(known.last_login),
                                                                'remembered_until', NULL)), '[]')
                   FROM unnest(state.places) AS known));
END
$$;

-- Everybody who is enrolled.
CREATE FUNCTION totp.accounts() RETURNS SETOF text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT enrolment.account FROM totp.enrolment ORDER BY enrolment.account;
END
$$;

-- ---- hosts

-- Shuts a host out: its next question is refused, in sessions that are open too, and these are ended. How many were.
CREATE FUNCTION totp.switch_off_host(host text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO totp.host (name, is_on) VALUES (host, false) ON CONFLICT (name) DO UPDATE SET is_on = false;
    RETURN (SELECT count(pg_terminate_backend(session.pid)) FROM pg_stat_activity AS session
            WHERE session.usename = host AND totp.is_host(session.usesysid) AND session.datname = current_database());
END
$$;

CREATE FUNCTION totp.switch_on_host(host text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE totp.host AS known SET is_on = true WHERE known.name = host;
END
$$;

-- How many failures in ten minutes a host may have.
CREATE FUNCTION totp.limit_host(host text, most_failures int) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO totp.host (name, most_failures) VALUES (host, most_failures)
    ON CONFLICT (name) DO UPDATE SET most_failures = excluded.most_failures;
END
$$;

-- The hosts that may log in here, and what they did in the last ten minutes.
CREATE FUNCTION totp.hosts() RETURNS TABLE (host text, is_on boolean, most_failures int, accepted bigint, failed bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT role.rolname::text, coalesce(known.is_on, true), coalesce(known.most_failures, 20),
               count(*) FILTER (WHERE attempt.verdict = 'accepted'),
               count(attempt.host) FILTER (WHERE attempt.verdict IS DISTINCT FROM 'accepted')
        FROM pg_roles AS role
             LEFT JOIN totp.host AS known ON known.name = role.rolname
             LEFT JOIN totp.attempt ON attempt.host = role.rolname
                  AND attempt.charged_at > totp.current_time() - totp.longest_kept()
        WHERE role.rolcanlogin AND totp.is_host(role.oid)
        GROUP BY role.rolname, known.is_on, known.most_failures
        ORDER BY role.rolname;
END
$$;

GRANT EXECUTE ON FUNCTION totp.add_device, totp.remove, totp.remove_device, totp.new_recovery_codes,
    totp.one_more_recovery_code, totp.keep_recovery_digits, totp.unlock, totp.status, totp.accounts,
    totp.switch_off_host, totp.switch_on_host, totp.limit_host, totp.hosts TO totp_admin;
