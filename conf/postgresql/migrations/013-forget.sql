-- Who looks for the oldest attempts passes over all that were forgotten and are still there for an older snapshot, as a
-- backup's. When each login did, that was soon more work than the login. So few do, and forget as many as all would have.

SET LOCAL ROLE totp_owner;

CREATE OR REPLACE FUNCTION totp.forget_old_attempts(now bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF random() >= 0.01 THEN RETURN; END IF;
    DELETE FROM totp.attempt WHERE (host, nonce) IN (
        SELECT host, nonce FROM totp.attempt
        WHERE charged_at < now - totp.longest_kept() AND (verdict IS NOT NULL OR NOT is_enrolled)
        ORDER BY charged_at LIMIT 400 FOR UPDATE SKIP LOCKED);
END
$$;
