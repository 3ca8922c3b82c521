-- What totp-enroll asks where many accounts come or are looked at, for an administrator too; and what must hold where
-- several of them enrol at once.

SET LOCAL ROLE totp_owner;

-- ---- first enrolments

-- As before, but for whose the state is: an account that isn't enrolled yet.
CREATE OR REPLACE FUNCTION totp.empty_records(account text) RETURNS totp.held
    IMMUTABLE
    RETURN ROW(ROW(account, '{}', '{}')::totp.enrolment,
               ROW(NULL, (0, 0, 0, '', NULL, NULL), (0, 0, 0, '', NULL, NULL), '{}', '{}', '{}')::totp.login_state
           )::totp.held;

-- As before, but that a first enrolment never replaces one that was committed after this account was looked for.
CREATE OR REPLACE FUNCTION totp.commit_records(held totp.held) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    enrolment CONSTANT totp.enrolment := held.enrolment;
    state totp.login_state := totp.without_strangers(held.state, enrolment);
    flaw CONSTANT text := totp.flaw_of(enrolment);
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    IF state.account IS NULL THEN  -- of two at once one wins, the other has an error
        state.account := enrolment.account;
        INSERT INTO totp.enrolment SELECT enrolment.*;
        INSERT INTO totp.login_state SELECT state.*;
    ELSE
        UPDATE totp.enrolment AS stored SET devices = enrolment.devices, recovery = enrolment.recovery
        WHERE stored.account = enrolment.account;
        PERFORM totp.commit_state(state);
    END IF;
END
$$;

-- ---- how accounts stand

-- The next so many accounts after this name, as status() tells of each; '' begins.
CREATE FUNCTION totp.statuses(after text, count int) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
        SELECT totp.status(next.account)
        FROM (SELECT enrolment.account FROM totp.enrolment WHERE enrolment.account > after
              ORDER BY enrolment.account LIMIT count) AS next
        ORDER BY next.account;
END
$$;

-- Whether the account has the device with this device_id(); null if it isn't enrolled.
CREATE FUNCTION totp.has_device(account text, id text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT EXISTS (SELECT FROM unnest(stored.devices) AS device WHERE device.id = has_device.id)
            FROM totp.enrolment AS stored WHERE stored.account = has_device.account);
END
$$;

-- ---- one account of a list

-- Enrols an account with a device of the usual parameters and with recovery codes that whoever asks has written down
-- before. False: it is enrolled already, and nothing was done.
CREATE FUNCTION totp.enrol(account text, device text, secret bytea, recovery_codes text[]) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    symbols CONSTANT text[] := ARRAY(SELECT totp.typed_recovery_code(code) FROM unnest(recovery_codes) AS code);
    added totp.device := ROW(device, '', 'totp', 'sha1', 6, 30, secret)::totp.device;
    flaw CONSTANT text := totp.flaw_of(added);
    held totp.held := totp.hold(account);
BEGIN
    IF (held.state).account IS NOT NULL THEN RETURN false; END IF;
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    IF array_position(symbols, NULL) IS NOT NULL THEN
        RAISE 'a recovery code has 16 symbols' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    added.id := totp.device_id(added);
    held := totp.empty_records(account);
    held.enrolment.devices := ARRAY[added];
    held.enrolment.recovery := totp.kept_codes(symbols, 'symbols', NULL, '{}');
    held.state.devices := ARRAY[ROW(added.id, 0, 0, 0, '')::totp.device_state];
    PERFORM totp.commit_records(held);
    RETURN true;
EXCEPTION WHEN unique_violation THEN RETURN false;  -- somebody else enrolled it at the same moment
END
$$;

-- ---- what another program enrolled

CREATE TYPE totp.foreign_device AS (
    type text,
    algorithm text,
    digits int,
    period int,               -- totp only
    secret bytea,
    next bigint,              -- the lowest counter or time step that isn't spent
    drift int,
    last_used bigint,
    recovery_digits text[]    -- its codes of eight digits that weren't used
);

-- `phone`, or with the lowest number that makes it another name than those of `devices`.
CREATE FUNCTION totp.free_device_name(devices totp.device[]) RETURNS text
    IMMUTABLE
    RETURN (SELECT name FROM (SELECT number, CASE number WHEN 1 THEN 'phone' ELSE 'phone-' || number END
                              FROM generate_series(1, cardinality(devices) + 1) AS number) AS possible(number, name)
            WHERE name NOT IN (SELECT device.name FROM unnest(devices) AS device)
            ORDER BY number LIMIT 1);

-- Why a device can't be taken over; null if it can. A secret may be short, for an app has it. What is spent, or was
-- used, far in the future would shut its person out for years.
CREATE FUNCTION totp.flaw_of(taken totp.device, past totp.foreign_device, policy totp.policy, now bigint) RETURNS text
    IMMUTABLE
    RETURN CASE
        WHEN taken.type = 'totp' AND past.next > totp.time_step(now, taken.period) + 200
            THEN 'codes of a device are spent that come long from now: set the clock of the machine it was used on'
        WHEN past.last_used > now + 86400
            THEN 'a device was used long from now: set this machine''s clock, or mend the time of its last code'
        WHEN abs(past.drift) > policy.max_drift
            THEN format('the clock of a device is off by %s steps, more than max_drift (%s) allows', past.drift, policy.max_drift)
        WHEN EXISTS (SELECT FROM unnest(past.recovery_digits) AS code WHERE code !~ '^[0-9]{8}$')
            THEN 'a recovery code of another program has eight digits'
        WHEN octet_length(taken.secret) BETWEEN 1 AND 15
            THEN totp.flaw_of(ROW(taken.name, taken.id, taken.type, taken.algorithm, taken.digits, taken.period,
                                  taken.secret || decode(repeat('00', 16), 'hex'))::totp.device)
        ELSE totp.flaw_of(taken)
    END;

-- `held` with one more device, as it goes on here.
CREATE FUNCTION totp.with_adopted(held totp.held, taken totp.device, past totp.foreign_device) RETURNS totp.held
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    flaw CONSTANT text := totp.flaw_of(taken, past, totp.current_policy(), totp.current_time());
BEGIN
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    held.enrolment.devices := (held.enrolment).devices || taken;
    held.enrolment.recovery := (held.enrolment).recovery
                               || totp.kept_codes(past.recovery_digits, 'digits', NULL, (held.enrolment).recovery);
    held.state.devices := (held.state).devices
                          || ROW(taken.id, past.next, past.drift, past.last_used, '')::totp.device_state;
    RETURN held;
END
$$;

-- `held` with what was used there of a device that is enrolled here too; what was used here stays spent.
CREATE FUNCTION totp.with_spent_there(held totp.held, enrolled totp.device, taken totp.device, past totp.foreign_device)
    RETURNS totp.held
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    place CONSTANT int := totp.position_of((held.state).devices, enrolled.id);
    stands totp.device_state := (held.state).devices[place];
    flaw CONSTANT text := totp.flaw_of(taken, past, totp.current_policy(), totp.current_time());
BEGIN
    IF enrolled.id <> taken.id THEN
        RAISE 'the device % has this secret, but is of another kind', enrolled.name USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF flaw IS NOT NULL THEN RAISE '%', flaw USING ERRCODE = 'invalid_parameter_value'; END IF;
    IF stands.next < past.next THEN
        stands.next := past.next;
        held.state.devices[place] := stands;
    END IF;
    RETURN held;
END
$$;

-- Takes over an account's devices from another program, all or none, each an object with the names of foreign_device;
-- one that is left out is as usual.
-- One that is there already stays as it is, but for what was used since. Recovery codes come with new devices alone:
-- those that were made void must not come back.
--
-- name             what to call a new one; null: phone, phone-2 and so on
-- may_be_another   whether an account that is enrolled already may get new ones
--
-- Returns {changed, devices: [{name, new, recovery_codes}]}, in the order given.
CREATE FUNCTION totp.adopt(account text, devices jsonb, name text DEFAULT NULL, may_be_another boolean DEFAULT true)
    RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    usual CONSTANT totp.foreign_device := ROW('totp', 'sha1', 6, 30, NULL, 0, 0, 0, '{}')::totp.foreign_device;
    held totp.held := totp.hold(account);
    is_first CONSTANT boolean := (held.state).account IS NULL;
    before totp.held;
    past totp.foreign_device;
    taken totp.device;
    known totp.device;
    told jsonb := '[]';
BEGIN
    IF is_first THEN held := totp.empty_records(account); END IF;
    before := held;
    FOR past IN SELECT device.* FROM jsonb_array_elements(devices) AS each, jsonb_populate_record(usual, each) AS device LOOP
        taken := ROW(coalesce(name, totp.free_device_name((held.enrolment).devices)), '', past.type, lower(past.algorithm),
                     past.digits, past.period, past.secret)::totp.device;
        taken.id := totp.device_id(taken);
        SELECT * INTO known FROM unnest((held.enrolment).devices) AS device WHERE device.secret = taken.secret;
        IF FOUND THEN
            held := totp.with_spent_there(held, known, taken, past);
            told := told || jsonb_build_object('name', known.name, 'new', false, 'recovery_codes', 0);
            CONTINUE;
        END IF;
        IF NOT (is_first OR may_be_another) THEN
            RAISE 'it is enrolled, and the file has another secret: if it is theirs, import that file by its name'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        held := totp.with_adopted(held, taken, past);
        told := told || jsonb_build_object('name', taken.name, 'new', true, 'recovery_codes', cardinality(past.recovery_digits));
    END LOOP;
    IF held IS DISTINCT FROM before THEN PERFORM totp.commit_records(held); END IF;
    RETURN jsonb_build_object('changed', held IS DISTINCT FROM before, 'devices', told);
END
$$;

GRANT EXECUTE ON FUNCTION totp.statuses, totp.has_device, totp.enrol, totp.adopt TO totp_admin;
