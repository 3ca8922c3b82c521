-- How many wrong codes one side of an account bears, and when it is open again: core/throttle.

SET LOCAL ROLE totp_owner;

-- One code counts this many parts of a level, so that a drain of n codes a day is n parts a second.
CREATE FUNCTION totp.level_parts() RETURNS bigint IMMUTABLE PARALLEL SAFE RETURN 86400;

-- Until it is unlocked.
CREATE FUNCTION totp.no_end() RETURNS bigint IMMUTABLE PARALLEL SAFE RETURN 9223372036854775807;

-- The level in parts, drained since the last failure. A stored time later than now counts as now.
CREATE FUNCTION totp.drained_level(side totp.side_state, policy totp.policy, now bigint) RETURNS bigint
    IMMUTABLE PARALLEL SAFE
    RETURN greatest(0, side.level - (now - least(side.last_failure, now)) * policy.budget_drain);

-- How long a side waits after so many failures in a row. No delay is doubled more than 17 times: max_delay ends it.
CREATE FUNCTION totp.delay_after(failures int, policy totp.policy) RETURNS bigint
    IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN failures <= policy.free_failures THEN 0
        ELSE least(policy.delay::bigint << least(failures - policy.free_failures - 1, 17), policy.max_delay)
    END;

-- Until when a side evaluates nothing; null if it is open.
CREATE FUNCTION totp.closed_until(side totp.side_state, policy totp.policy, now bigint) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    until bigint := least(side.last_failure, now) + totp.delay_after(side.failures, policy);
    excess CONSTANT bigint := totp.drained_level(side, policy, now) - policy.budget * totp.level_parts();
BEGIN
    IF side.failures >= policy.max_failures THEN RETURN totp.no_end(); END IF;
    IF excess >= 0 THEN until := greatest(until, now + excess / policy.budget_drain + 1); END IF;
    RETURN CASE WHEN until > now THEN until END;
END
$$;

-- `side` after one more failure, of a guess that could have hit so many codes.
CREATE FUNCTION totp.with_failure(side totp.side_state, policy totp.policy, now bigint, place text, codes_tried int)
    RETURNS totp.side_state
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    rise CONSTANT bigint := (codes_tried + 2) / 3;
BEGIN
    side.level := totp.drained_level(side, policy, now) + rise * totp.level_parts();
    side.failures := least(side.failures + 1, 999999);
    side.last_failure := now;
    side.place := place;
    side.near_miss_device := NULL;
    side.near_miss_counter := NULL;
    RETURN side;
END
$$;
