-- What a person may change of their own, from a host in the group totp_person. That whoever runs totp-enroll there is
-- who they say proves nothing here, for the host may be stolen: what counts is a code, accepted by verify() in the last
-- ten minutes. Its nonce stands for it. A first enrolment, where there is no code yet, needs an administrator's token.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'totp_person') THEN CREATE ROLE totp_person NOLOGIN; END IF;
END
$$;
GRANT USAGE ON SCHEMA totp TO totp_person;

SET LOCAL ROLE totp_owner;

CREATE TABLE totp.enrolment_token (
    account text PRIMARY KEY,
    hash bytea NOT NULL,     -- SHA-256: a token has 80 random bits
    expires bigint NOT NULL
);

-- Lets the account be enrolled once by whoever has this token, for so long.
CREATE FUNCTION totp.allow_enrolment(account text, expires_in interval DEFAULT '24 h') RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    token CONSTANT text := totp.random_recovery_code();
    expires CONSTANT bigint := totp.current_time() + extract(epoch FROM expires_in)::bigint;
BEGIN
    IF totp.is_enrolled(account) THEN RAISE '% is enrolled already', account USING ERRCODE = 'unique_violation'; END IF;
    INSERT INTO totp.enrolment_token AS known VALUES (account, sha256(convert_to(token, 'UTF8')), expires)
    ON CONFLICT ON CONSTRAINT enrolment_token_pkey DO UPDATE SET hash = excluded.hash, expires = excluded.expires;
    RETURN token;
END
$$;

-- The account that has passed on this host with this nonce. One of another transaction: what isn't committed may be
-- rolled back.
CREATE FUNCTION totp.account_of(nonce bytea) RETURNS text
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    account text;
BEGIN
    PERFORM totp.require_plain_transaction();
    PERFORM totp.require_host_on(session_user);
    SELECT attempt.account INTO account FROM totp.attempt
    WHERE attempt.host = session_user AND attempt.nonce = account_of.nonce AND attempt.verdict = 'accepted'
      AND attempt.decided_by <> pg_current_xact_id()
      AND attempt.charged_at > totp.current_time() - totp.longest_kept();
    IF NOT FOUND THEN
        RAISE 'a code must be accepted before' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN account;
END
$$;

-- The first device of an account, with an administrator's token. False: the code is wrong, and nothing was done.
CREATE FUNCTION totp.enrol_myself(account text, token text, device text, secret bytea, code text,
                                  type text DEFAULT 'totp', algorithm text DEFAULT 'sha1', digits int DEFAULT 6,
                                  period int DEFAULT 30, counter bigint DEFAULT 0) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.require_plain_transaction();
    PERFORM totp.require_host_on(session_user);
    IF totp.is_enrolled(account) OR NOT EXISTS (
        SELECT FROM totp.enrolment_token AS known
        WHERE known.account = enrol_myself.account AND known.hash = sha256(convert_to(token, 'UTF8'))
          AND known.expires > totp.current_time())
    THEN
        RAISE 'an administrator gives a token for the first enrolment' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT totp.add_device(account, device, secret, type, algorithm, digits, period, counter, coalesce(code, '')) THEN
        RETURN false;
    END IF;
    DELETE FROM totp.enrolment_token AS known WHERE known.account = enrol_myself.account;
    RETURN true;
END
$$;

CREATE FUNCTION totp.add_my_device(nonce bytea, device text, secret bytea, code text, type text DEFAULT 'totp',
                                   algorithm text DEFAULT 'sha1', digits int DEFAULT 6, period int DEFAULT 30,
                                   counter bigint DEFAULT 0) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    RETURN totp.add_device(totp.account_of(nonce), device, secret, type, algorithm, digits, period, counter,
                           coalesce(code, ''));
END
$$;

CREATE FUNCTION totp.remove_my_device(nonce bytea, device text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.remove_device(totp.account_of(nonce), device);
END
$$;

CREATE FUNCTION totp.my_new_recovery_codes(nonce bytea, count int DEFAULT 10) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    RETURN QUERY SELECT * FROM totp.new_recovery_codes(totp.account_of(nonce), count);
END
$$;

CREATE FUNCTION totp.my_status(nonce bytea) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN totp.status(totp.account_of(nonce));
END
$$;

-- The side of strangers alone: who shut the known places is an administrator's question.
CREATE FUNCTION totp.unlock_myself(nonce bytea) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
    PERFORM totp.unlock(totp.account_of(nonce), 'elsewhere');
END
$$;

GRANT EXECUTE ON FUNCTION totp.allow_enrolment TO totp_admin;
GRANT EXECUTE ON FUNCTION totp.enrol_myself, totp.add_my_device, totp.remove_my_device, totp.my_new_recovery_codes,
    totp.my_status, totp.unlock_myself TO totp_person;
