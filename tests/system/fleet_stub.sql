-- totp.verify() for tests of whoever asks it: 081804 is everybody's code, once. What else it does is said in the table
-- stub.moods.
CREATE SCHEMA totp;
CREATE SCHEMA stub;
CREATE ROLE "host7.test" LOGIN;
GRANT USAGE ON SCHEMA totp TO "host7.test";

CREATE TABLE stub.moods (mood text PRIMARY KEY);
CREATE TABLE stub.questions (
    id serial PRIMARY KEY, account text, response text, nonce bytea, rhost text, service text, role text DEFAULT session_user,
    xid xid8 DEFAULT pg_current_xact_id());
CREATE TABLE stub.spent (account text PRIMARY KEY);
-- Fails at the commit, after the row was sent.
CREATE TABLE stub.late (id int PRIMARY KEY, parent int REFERENCES stub.late DEFERRABLE INITIALLY DEFERRED);

CREATE FUNCTION stub.is_in(wanted text) RETURNS boolean LANGUAGE sql
    RETURN EXISTS (SELECT FROM stub.moods WHERE mood = wanted);

CREATE FUNCTION stub.is_second(wanted bytea) RETURNS boolean LANGUAGE sql
    RETURN EXISTS (SELECT FROM stub.questions WHERE nonce = wanted AND xid <> pg_current_xact_id());

-- Once, and not undone by what becomes of the connection.
CREATE SEQUENCE stub.losses;

CREATE FUNCTION totp.verify(account text, response text, nonce bytea, rhost text, service text)
RETURNS TABLE (verdict text, reason text, device text, drift int, failures int, retry_in bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_variable
DECLARE
    is_second boolean := stub.is_second(nonce);
BEGIN
    INSERT INTO stub.questions (account, response, nonce, rhost, service) VALUES (account, response, nonce, rhost, service);
    IF stub.is_in('slow') THEN PERFORM pg_sleep(30); END IF;
    IF stub.is_in('failing') THEN RAISE EXCEPTION 'the code % is refused', response; END IF;
    IF stub.is_in('wordy') THEN RAISE EXCEPTION '% the code % is refused', repeat('x', 286), response; END IF;
    IF stub.is_in('shut_out') THEN
        RAISE 'the host % is switched off', session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF response IS NULL THEN
        verdict := CASE WHEN stub.is_in('unenrolled') THEN 'unenrolled' ELSE 'enrolled' END;
        RETURN NEXT; RETURN;
    END IF;
    IF stub.is_in('throttled') THEN verdict := 'throttled'; failures := 5; retry_in := 30; RETURN NEXT; RETURN; END IF;
    IF NOT is_second AND NOT stub.is_in('hasty') THEN verdict := 'pending'; RETURN NEXT; RETURN; END IF;
    IF stub.is_in('losing') AND nextval('stub.losses') = 1 THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
    IF stub.is_in('warning') THEN RAISE WARNING 'canceling wait for synchronous replication'; END IF;
    IF stub.is_in('notice') THEN RAISE NOTICE 'nothing of any weight'; END IF;
    IF stub.is_in('late') THEN INSERT INTO stub.late VALUES (1, 2); END IF;
    IF response = '081804' AND account <> '' THEN
        INSERT INTO stub.spent VALUES (account) ON CONFLICT DO NOTHING;
        IF FOUND THEN verdict := 'accepted'; device := 'phone'; drift := 0;
        ELSE verdict := 'refused'; reason := 'replayed'; failures := 1; END IF;
    ELSE
        verdict := 'refused'; reason := 'wrong'; failures := 1;
    END IF;
    RETURN NEXT;
    IF stub.is_in('doubled') THEN RETURN NEXT; END IF;
END
$$;
