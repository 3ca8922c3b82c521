-- Where a code is accepted, and the only place where it is: core/verifier. Nothing here reads a table or writes one;
-- everything it needs is an argument, everything it decides is in what it returns.

SET LOCAL ROLE totp_owner;

-- ---- which counters are right

-- From `before` below `centre` to `after` above it; no counter is below 0.
CREATE FUNCTION totp.around(centre bigint, before int, after int) RETURNS int8range
    IMMUTABLE PARALLEL SAFE
    RETURN int8range(greatest(centre - before, 0), centre + after, '[]');

CREATE FUNCTION totp.limited_drift(drift bigint, policy totp.policy) RETURNS int
    IMMUTABLE PARALLEL SAFE
    RETURN greatest(least(drift, policy.max_drift), -policy.max_drift);

-- One device at one moment: at which counters a code is right, at which a wrong one shows how far the device is out
-- of step, and how many a guess could hit.
CREATE TYPE totp.expectation AS (
    "window" int8range,
    vicinity int8range,
    codes int
);

CREATE FUNCTION totp.expected(device totp.device, stands totp.device_state, policy totp.policy, now bigint)
    RETURNS totp.expectation
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    step bigint;
    centre bigint;
BEGIN
    IF device.type = 'hotp' THEN
        RETURN ROW(totp.around(stands.next, policy.hotp_look_ahead, policy.hotp_look_ahead),
                   totp.around(stands.next, 0, policy.resync_window),
                   policy.hotp_look_ahead + 1)::totp.expectation;
    END IF;
    step := totp.time_step(now, device.period);
    centre := greatest(step + totp.limited_drift(stands.drift, policy), 0);
    RETURN ROW(totp.around(centre, policy."window", policy."window"),
               totp.around(step, policy.resync_window, policy.resync_window),
               2 * policy."window" + 1)::totp.expectation;
END
$$;

-- What a device makes of an offered code.
CREATE TYPE totp.match AS (
    fresh bigint,        -- right, and not spent
    near_miss bigint,    -- not right now, but at this counter not far away
    is_replayed boolean  -- right, but spent
);

-- Which counter, if any, `offered` belongs to (RFC 4226 §7.2, RFC 6238 §5.2). Every counter of both ranges is
-- computed, whichever matches. Where a code belongs to two the later counts: it spends both.
CREATE FUNCTION totp.match_code(device totp.device, offered int, expected totp.expectation, next bigint)
    RETURNS totp.match
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT ROW(max(counter) FILTER (WHERE counter <@ expected."window" AND counter >= next),
                   max(counter) FILTER (WHERE NOT counter <@ expected."window" AND counter <@ expected.vicinity
                                          AND counter >= next),
                   count(*) FILTER (WHERE counter <@ expected."window" AND counter < next) > 0)::totp.match
        FROM generate_series(least(lower(expected."window"), lower(expected.vicinity)),
                             greatest(upper(expected."window"), upper(expected.vicinity)) - 1) AS counter
        WHERE totp.code(device, counter) = offered);
END
$$;

-- ---- the state

CREATE FUNCTION totp.side_of(state totp.login_state, is_known_place boolean) RETURNS totp.side_state
    IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN is_known_place THEN state.known ELSE state.elsewhere END;

CREATE FUNCTION totp.with_side(state totp.login_state, is_known_place boolean, side totp.side_state)
    RETURNS totp.login_state
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF is_known_place THEN state.known := side; ELSE state.elsewhere := side; END IF;
    RETURN state;
END
$$;

-- Where the device with this id stands among `devices`; null if it doesn't.
CREATE FUNCTION totp.position_of(devices totp.device_state[], id text) RETURNS int
    IMMUTABLE PARALLEL SAFE
    RETURN (SELECT position::int FROM unnest(devices) WITH ORDINALITY AS device(id, next, drift, last_used, place, position)
            WHERE device.id = position_of.id);

-- Forgets what belongs to no device and no recovery code of `enrolment`.
CREATE FUNCTION totp.without_strangers(state totp.login_state, enrolment totp.enrolment) RETURNS totp.login_state
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    state.devices := ARRAY(SELECT device FROM unnest(state.devices) AS device
                           WHERE device.id IN (SELECT id FROM unnest(enrolment.devices)));
    state.spent_recovery := ARRAY(SELECT spent FROM unnest(state.spent_recovery) AS spent
                                  WHERE spent IN (SELECT totp.recovery_id(code) FROM unnest(enrolment.recovery) AS code));
    RETURN state;
END
$$;

-- ---- one response

-- What a response is, throttling left aside.
CREATE TYPE totp.finding AS (
    reason text,              -- none: it is right
    device text,              -- the name of the device it came from, or recovery
    drift int,                -- steps that device is ahead of our clock
    after totp.login_state,   -- the state with what is spent if it is right
    codes_tried int,          -- how many codes a guess could have hit
    near_miss_device text,
    near_miss_counter bigint
);

-- The device is in step again, and this code is spent.
CREATE FUNCTION totp.spent(stands totp.device_state, device totp.device, policy totp.policy, counter bigint,
                           place text, now bigint) RETURNS totp.device_state
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    stands.next := counter + 1;
    stands.last_used := now;
    stands.place := place;
    IF device.type = 'totp' THEN
        stands.drift := totp.limited_drift(counter - totp.time_step(now, device.period), policy);
    END IF;
    RETURN stands;
END
$$;

-- The counter this device is accepted at: in its window, or as the second of two codes in a row (RFC 4226 §7.4).
CREATE FUNCTION totp.accepted_counter(match totp.match, id text, side totp.side_state) RETURNS bigint
    IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN match.fresh IS NOT NULL THEN match.fresh
        WHEN side.near_miss_device = id AND side.near_miss_counter + 1 = match.near_miss THEN match.near_miss
    END;

-- Tries every device that shows so many digits, and stops at none.
CREATE FUNCTION totp.examine_code(finding totp.finding, enrolment totp.enrolment, policy totp.policy, digits text,
                                  side totp.side_state, place text, now bigint) RETURNS totp.finding
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    device totp.device;
    stands totp.device_state;
    position int;
    expected totp.expectation;
    match totp.match;
    counter bigint;
BEGIN
    FOREACH device IN ARRAY enrolment.devices LOOP
        IF device.digits <> length(digits) THEN CONTINUE; END IF;
        finding.reason := totp.weightier(finding.reason, 'wrong');
        position := totp.position_of((finding.after).devices, device.id);
        stands := (finding.after).devices[position];
        IF stands.next IS NULL THEN CONTINUE; END IF;
        expected := totp.expected(device, stands, policy, now);
        match := totp.match_code(device, digits::int, expected, stands.next);
        finding.codes_tried := finding.codes_tried + expected.codes;
        IF match.is_replayed THEN finding.reason := totp.weightier(finding.reason, 'replayed'); END IF;
        counter := totp.accepted_counter(match, device.id, side);
        IF counter IS NOT NULL THEN
            stands := totp.spent(stands, device, policy, counter, place, now);
            finding.after.devices[position] := stands;
            finding.reason := 'none';
            IF finding.device IS NULL THEN
                finding.device := device.name;
                finding.drift := stands.drift;
            END IF;
        ELSIF match.near_miss IS NOT NULL THEN
            finding.near_miss_device := device.id;
            finding.near_miss_counter := match.near_miss;
        END IF;
    END LOOP;
    RETURN finding;
END
$$;

-- Tries a recovery code of this form.
CREATE FUNCTION totp.examine_recovery_code(finding totp.finding, enrolment totp.enrolment, typed text, form text,
                                           now bigint) RETURNS totp.finding
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    spent CONSTANT text[] := (finding.after).spent_recovery;
    kept CONSTANT totp.recovery_code := totp.find_recovery_code(typed, form, enrolment.recovery);
BEGIN
    finding.codes_tried := finding.codes_tried + totp.recovery_codes_left(enrolment, spent, form, now);
    IF kept.hash IS NULL OR kept.expires <= now THEN
        finding.reason := totp.weightier(finding.reason, 'wrong');
    ELSIF totp.recovery_id(kept) = ANY (spent) THEN
        finding.reason := totp.weightier(finding.reason, 'replayed');
    ELSE
        IF cardinality(spent) >= 32 THEN finding.after := totp.without_strangers(finding.after, enrolment); END IF;
        finding.after.spent_recovery := (finding.after).spent_recovery || totp.recovery_id(kept);
        finding.reason := 'none';
        finding.device := coalesce(finding.device, 'recovery');
    END IF;
    RETURN finding;
END
$$;

-- How many recovery codes of this form still let in.
CREATE FUNCTION totp.recovery_codes_left(enrolment totp.enrolment, spent text[], form text, now bigint) RETURNS int
    IMMUTABLE PARALLEL SAFE
    RETURN (SELECT count(*) FROM unnest(enrolment.recovery) AS code
            WHERE code.form = recovery_codes_left.form AND (code.expires IS NULL OR code.expires > now)
              AND totp.recovery_id(code) <> ALL (spent));

-- Eight digits may be a recovery code as well, where there are such: then they are tried as both.
CREATE FUNCTION totp.may_be_recovery_code(digits text, enrolment totp.enrolment) RETURNS boolean
    IMMUTABLE PARALLEL SAFE
    RETURN length(digits) = 8 AND EXISTS (SELECT FROM unnest(enrolment.recovery) AS code WHERE code.form = 'digits');

-- Looks at a response: a device's code, a recovery code, or neither. `side` has the near miss of the failure just
-- before: a second code for the counter after it brings the device back into step.
CREATE FUNCTION totp.examine(enrolment totp.enrolment, state totp.login_state, policy totp.policy, response text,
                             side totp.side_state, place text, now bigint) RETURNS totp.finding
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    finding totp.finding := ROW('malformed', NULL, 0, state, 0, NULL, NULL)::totp.finding;
    digits CONSTANT text := totp.typed_code(response);
    symbols CONSTANT text := totp.typed_recovery_code(response);
BEGIN
    IF digits IS NOT NULL THEN
        finding := totp.examine_code(finding, enrolment, policy, digits, side, place, now);
        IF totp.may_be_recovery_code(digits, enrolment) THEN
            finding := totp.examine_recovery_code(finding, enrolment, digits, 'digits', now);
        END IF;
    ELSIF symbols IS NOT NULL THEN
        finding := totp.examine_recovery_code(finding, enrolment, symbols, 'symbols', now);
    END IF;
    RETURN finding;
END
$$;

-- How many codes the response could hit: what examine() says of it, found without a look at the code.
CREATE FUNCTION totp.codes_tried(enrolment totp.enrolment, state totp.login_state, policy totp.policy, response text,
                                 now bigint) RETURNS int
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digits CONSTANT text := totp.typed_code(response);
    device totp.device;
    stands totp.device_state;
    tried int := 0;
BEGIN
    FOREACH device IN ARRAY enrolment.devices LOOP
        stands := state.devices[totp.position_of(state.devices, device.id)];
        IF device.digits = length(digits) AND stands.next IS NOT NULL THEN
            tried := tried + (totp.expected(device, stands, policy, now)).codes;
        END IF;
    END LOOP;
    IF length(digits) = 8 THEN
        tried := tried + totp.recovery_codes_left(enrolment, state.spent_recovery, 'digits', now);
    ELSIF digits IS NULL AND totp.typed_recovery_code(response) IS NOT NULL THEN
        tried := tried + totp.recovery_codes_left(enrolment, state.spent_recovery, 'symbols', now);
    END IF;
    RETURN tried;
END
$$;

-- ---- the decision

CREATE TYPE totp.decision AS (
    verdict text,             -- accepted or refused
    reason text,              -- null where accepted
    device text,
    drift int,
    failures int,             -- in a row on this side, this one included
    next totp.login_state     -- store it before the verdict is told to anyone
);

-- The decision on a response that the throttle has let through (DESIGN: "The decision").
CREATE FUNCTION totp.decide(enrolment totp.enrolment, state totp.login_state, policy totp.policy, response text,
                            place text, is_known_place boolean, now bigint) RETURNS totp.decision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    side totp.side_state := totp.side_of(state, is_known_place);
    finding CONSTANT totp.finding := totp.examine(enrolment, state, policy, response, side, place, now);
    next totp.login_state;
BEGIN
    IF finding.reason = 'none' THEN
        side.failures := 0;
        side.near_miss_device := NULL;
        side.near_miss_counter := NULL;
        next := totp.with_side(finding.after, is_known_place, side);
        next.places := totp.with_known_place(next.places, place, now);
        RETURN ROW('accepted', NULL, finding.device, finding.drift, 0, next)::totp.decision;
    END IF;
    side := totp.with_failure(side, policy, now, place, finding.codes_tried);
    side.near_miss_device := finding.near_miss_device;
    side.near_miss_counter := finding.near_miss_counter;
    next := totp.with_side(state, is_known_place, side);
    RETURN ROW('refused', finding.reason, NULL, NULL, side.failures, next)::totp.decision;
END
$$;
