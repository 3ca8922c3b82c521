-- What a person has proved by a code ends when a device or a recovery code of the account is taken away: it may be the one
-- that they passed by, in the hands of somebody else.

SET LOCAL ROLE totp_owner;

CREATE FUNCTION totp.forget_proofs() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM totp.attempt WHERE attempt.account = OLD.account AND attempt.verdict = 'accepted';
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_proofs_of_all AFTER DELETE ON totp.enrolment
    FOR EACH ROW EXECUTE FUNCTION totp.forget_proofs();
CREATE TRIGGER forget_proofs AFTER UPDATE ON totp.enrolment
    FOR EACH ROW WHEN (NOT (OLD.devices <@ NEW.devices AND OLD.recovery <@ NEW.recovery))
    EXECUTE FUNCTION totp.forget_proofs();

-- Whether the nonce stands for a code that was accepted here. One of another transaction: what isn't committed may be rolled
-- back.
CREATE FUNCTION totp.is_proof(nonce bytea) RETURNS boolean
    VOLATILE
    RETURN EXISTS (SELECT FROM totp.attempt
                   WHERE attempt.host = session_user AND attempt.nonce = is_proof.nonce AND attempt.verdict = 'accepted'
                     AND attempt.decided_by <> pg_current_xact_id()
                     AND attempt.charged_at > totp.current_time() - totp.longest_kept());

-- As before, but held from here on, so that nothing is taken away before what is asked for is done.
CREATE OR REPLACE FUNCTION totp.account_of(nonce bytea) RETURNS text
    LANGUAGE plpgsql VOLATILE
    SET lock_timeout = '500ms' AS $$
DECLARE
    account CONSTANT text := (SELECT attempt.account FROM totp.attempt
                              WHERE attempt.host = session_user AND attempt.nonce = account_of.nonce);
BEGIN
    PERFORM totp.require_plain_transaction();
    PERFORM totp.require_host_on(session_user);
    PERFORM totp.hold(account);
    IF NOT totp.is_proof(nonce) THEN
        RAISE 'a code must be accepted before' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN account;
END
$$;
