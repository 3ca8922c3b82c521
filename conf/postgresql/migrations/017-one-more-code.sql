-- Whoever is helped often by one more recovery code isn't refused it because of those that are over.

SET LOCAL ROLE totp_owner;

-- As before, but in place of what is spent or has expired.
CREATE OR REPLACE FUNCTION totp.one_more_recovery_code(account text, expires_in interval DEFAULT '24 h') RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    held totp.held := totp.hold_enrolled(account);
    now CONSTANT bigint := totp.current_time();
    good CONSTANT totp.recovery_code[] := ARRAY(SELECT kept FROM unnest((held.enrolment).recovery) AS kept
                                                WHERE (kept.expires IS NULL OR kept.expires > now)
                                                  AND totp.recovery_id(kept) <> ALL ((held.state).spent_recovery));
    code CONSTANT text := totp.random_recovery_code();
    expires CONSTANT bigint := now + extract(epoch FROM expires_in)::bigint;
BEGIN
    held.enrolment.recovery := good || totp.kept_codes(ARRAY[code], 'symbols', expires, (held.enrolment).recovery);
    PERFORM totp.commit_records(held);
    RETURN code;
END
$$;
