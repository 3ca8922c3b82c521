-- Who is asked on the host by a process of their own, as by a screen locker, is at home: at a known place whatever
-- strangers did, and it is no login from there. So core's verify() decides for totp_check (`is_at_home`).

SET LOCAL ROLE totp_owner;

-- The service and the place by which a host says so. Nobody at a door can: the service is the name of our own program, and a
-- remote host that calls itself `local:UID` is one of that name.
CREATE FUNCTION totp.is_at_home(place text, service text) RETURNS boolean
    IMMUTABLE PARALLEL SAFE
    RETURN coalesce(service, '') = 'totp_check' AND place ~ '^local:[0-9]{1,10}@';

-- As before, but for who is at home.
CREATE OR REPLACE FUNCTION totp.asked(held totp.held, host text, account text, response text, nonce bytea, place text,
                                      service text, now bigint) RETURNS totp.attempt
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    attempt totp.attempt;
BEGIN
    attempt.host := host;
    attempt.nonce := nonce;
    attempt.account := account;
    attempt.response_mac := totp.response_mac(response, nonce);
    attempt.place := place;
    attempt.service := coalesce(service, '');
    attempt.is_enrolled := (held.state).account IS NOT NULL;
    attempt.is_known_place := totp.is_at_home(place, service) OR totp.is_known((held.state).places, place, now);
    attempt.charged_at := now;
    attempt.charged_by := pg_current_xact_id();
    RETURN attempt;
END
$$;

-- As before, but that no place becomes known by who is at home.
CREATE OR REPLACE FUNCTION totp.settle(held totp.held, policy totp.policy, attempt totp.attempt, response text, now bigint)
    RETURNS totp.answer
    LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    side CONSTANT totp.side_state := totp.side_of(held.state, attempt.is_known_place);
    moment CONSTANT bigint := totp.moment_of(attempt, side, now);
    decision totp.decision;
BEGIN
    IF attempt.charged_at < now - totp.longest_outstanding() THEN
        PERFORM totp.commit_state(totp.with_lost_settled(held.state, policy, now));
        RETURN ROW('unavailable', 'store', NULL, NULL, NULL, NULL)::totp.answer;
    END IF;
    decision := totp.decide(held.enrolment, held.state, policy, response, attempt.place, attempt.is_known_place,
                            moment);
    IF totp.is_at_home(attempt.place, attempt.service) THEN decision.next.places := (held.state).places; END IF;
    IF NOT attempt.is_enrolled OR (held.state).account IS NULL THEN
        decision := ROW('refused', 'unenrolled', NULL, NULL, NULL, held.state)::totp.decision;
    END IF;
    PERFORM totp.commit_state(decision.next);
    UPDATE totp.attempt AS charged
    SET verdict = decision.verdict, reason = decision.reason, device = decision.device, drift = decision.drift,
        failures = decision.failures, decided_by = pg_current_xact_id()
    WHERE charged.host = attempt.host AND charged.nonce = attempt.nonce;
    PERFORM totp.forget_old_attempts(now);
    RETURN ROW(decision.verdict, decision.reason, decision.device, decision.drift, decision.failures, NULL)::totp.answer;
END
$$;
