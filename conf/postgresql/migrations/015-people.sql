-- What people's totp-enroll needs beside 011: recovery codes with a first enrolment, a token that is looked at before
-- anything is shown, the whole enrolment taken away. And an unlock that leaves the long-run budget, as with files.

SET LOCAL ROLE totp_owner;

-- ---- a first enrolment

-- A token as allow_enrolment() has given it: read like a recovery code, which it looks like.
CREATE FUNCTION totp.typed_token(token text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(totp.typed_recovery_code(token), '(.{4})(?!$)', '\1-', 'g');

-- Whether the account may be enrolled by this token now. That it may be asked for ever helps nobody: a token has 80 random
-- bits.
CREATE FUNCTION totp.takes_token(account text, token text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM totp.require_host_on(session_user);
    RETURN NOT totp.is_enrolled(account) AND EXISTS (
        SELECT FROM totp.enrolment_token AS known
        WHERE known.account = takes_token.account AND known.expires > totp.current_time()
          AND known.hash = sha256(convert_to(totp.typed_token(token), 'UTF8')));
END
$$;

-- As before, but for how a token may be typed. A wrong code is no guess at anything, for whoever shows it has chosen the
-- secret.
CREATE OR REPLACE FUNCTION totp.enrol_myself(account text, token text, device text, secret bytea, code text,
                                             type text DEFAULT 'totp', algorithm text DEFAULT 'sha1',
                                             digits int DEFAULT 6, period int DEFAULT 30, counter bigint DEFAULT 0)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.require_plain_transaction();
    IF NOT totp.takes_token(account, token) THEN
        RAISE 'an administrator gives a token for the first enrolment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT totp.add_device(account, device, secret, type, algorithm, digits, period, counter, coalesce(code, '')) THEN
        RETURN false;
    END IF;
    DELETE FROM totp.enrolment_token AS known WHERE known.account = enrol_myself.account;
    RETURN true;
END
$$;

-- The same with recovery codes, which are shown this once. Null: the code is wrong, and nothing was done.
CREATE FUNCTION totp.enrol_myself_with_codes(account text, token text, device text, secret bytea, type text,
                                             algorithm text, digits int, period int, counter bigint, code text,
                                             recovery_codes int) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    IF NOT totp.enrol_myself(account, token, device, secret, code, type, algorithm, digits, period, counter) THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(made), '[]') FROM totp.new_recovery_codes(account, recovery_codes) AS made);
END
$$;

-- ---- who is enrolled

-- Takes everything away, as taking the last device away does.
CREATE FUNCTION totp.remove_myself(nonce bytea) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.remove(totp.account_of(nonce));
END
$$;

-- The failures in a row of the side of strangers alone: who shut the known places is an administrator's question, and the
-- long-run budget bounds what a stranger may guess in a year, however often the owner unlocks.
CREATE OR REPLACE FUNCTION totp.unlock_myself(nonce bytea) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held CONSTANT totp.held := totp.hold_enrolled(totp.account_of(nonce));
    state totp.login_state := totp.with_lost_settled(held.state, totp.current_policy(), totp.current_time());
    side totp.side_state := state.elsewhere;
BEGIN
    side.failures := 0;
    side.near_miss_device := NULL;
    side.near_miss_counter := NULL;
    PERFORM totp.commit_state(totp.with_side(state, false, side));
END
$$;

GRANT EXECUTE ON FUNCTION totp.takes_token, totp.enrol_myself_with_codes, totp.remove_myself TO totp_person;
