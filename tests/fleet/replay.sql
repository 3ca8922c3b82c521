-- Asks the database what histories.cc says that core decides. Each case goes through the tables and both questions, as
-- a login does; only the clock and the transaction that charged the attempt are set by hand.

CREATE SCHEMA replay;

CREATE TABLE replay.line (number serial PRIMARY KEY, line jsonb NOT NULL);

-- Hashed once for all cases: it takes longer than all the rest.
CREATE TABLE replay.kept (code text, form text, hash text, PRIMARY KEY (code, form));

CREATE FUNCTION replay.keep(codes text[], form text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    missing CONSTANT text[] := ARRAY(SELECT DISTINCT code FROM unnest(codes) AS code
                                     EXCEPT SELECT kept.code FROM replay.kept WHERE kept.form = keep.form);
    others CONSTANT totp.recovery_code[] := ARRAY(SELECT ROW(kept.hash, kept.form, NULL)::totp.recovery_code
                                                  FROM replay.kept WHERE kept.form = keep.form);
BEGIN
    INSERT INTO replay.kept
    SELECT code, keep.form, (totp.kept_codes(ARRAY[code], keep.form, NULL, others))[1].hash FROM unnest(missing) AS code;
END
$$;

CREATE FUNCTION replay.recovery_of(codes jsonb) RETURNS totp.recovery_code[] STABLE
    RETURN ARRAY(SELECT ROW(kept.hash, kept.form, (code.value ->> 'expires')::bigint)::totp.recovery_code
                 FROM jsonb_array_elements(codes) WITH ORDINALITY AS code(value, position)
                      JOIN replay.kept ON kept.code = value ->> 'code' AND kept.form = value ->> 'form'
                 ORDER BY position);

CREATE FUNCTION replay.device_of(device totp.device) RETURNS totp.device LANGUAGE plpgsql AS $$
BEGIN
    device.id := totp.device_id(device);
    RETURN device;
END
$$;

-- A recovery code that is spent stands in a case by its place in the enrolment, from 0.
CREATE FUNCTION replay.spent_ids(places jsonb, recovery totp.recovery_code[]) RETURNS text[] STABLE
    RETURN ARRAY(SELECT totp.recovery_id(recovery[place.value::int + 1])
                 FROM jsonb_array_elements_text(places) WITH ORDINALITY AS place(value, position) ORDER BY position);

CREATE FUNCTION replay.spent_places(ids text[], recovery totp.recovery_code[]) RETURNS jsonb STABLE
    RETURN (SELECT coalesce(jsonb_agg((code.position - 1)::text ORDER BY id.position), '[]')
            FROM unnest(ids) WITH ORDINALITY AS id(text, position)
                 JOIN unnest(recovery) WITH ORDINALITY AS code(hash, form, expires, position) ON right(code.hash, 8) = id.text);

CREATE FUNCTION replay.ask(account text, line jsonb, place text) RETURNS totp.answer LANGUAGE plpgsql AS $$
DECLARE
    policy CONSTANT totp.policy := jsonb_populate_record(NULL::totp.policy, line -> 'policy');
    response CONSTANT text := line ->> 'response';
    now CONSTANT bigint := line -> 'now';
    nonce CONSTANT bytea := decode(md5(account), 'hex');
    held totp.held;
    answer totp.answer;
BEGIN
    FOR question IN 1 .. 2 LOOP
        held := totp.hold(account);
        answer := totp.answer_to(totp.asked(held, account, account, response, nonce, place, line ->> 'service', now), held,
                                 policy, response, now);
        IF answer.verdict <> 'pending' THEN EXIT; END IF;
        UPDATE totp.attempt SET charged_by = '3' WHERE host = ask.account;
    END LOOP;
    RETURN answer;
END
$$;

-- What is not the same; null if all is.
CREATE FUNCTION replay.difference(number int, line jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name CONSTANT text := 'replay-' || number;
    place CONSTANT text := CASE WHEN line ? 'rhost' THEN totp.place_of(line ->> 'rhost', 'host') ELSE line ->> 'place' END;
    recovery totp.recovery_code[];
    devices totp.device[];
    state totp.login_state;
    answer totp.answer;
    found jsonb;
BEGIN
    IF place <> line ->> 'place' THEN RETURN format('%s stands for %s', line, place); END IF;
    IF line -> 'answer' IS NULL THEN RETURN NULL; END IF;
    recovery := replay.recovery_of(line -> 'recovery');
    devices := ARRAY(SELECT replay.device_of(jsonb_populate_record(NULL::totp.device, device.value))
                     FROM jsonb_array_elements(line -> 'devices') WITH ORDINALITY AS device(value, position)
                     ORDER BY position);
    state := jsonb_populate_record(NULL::totp.login_state, line -> 'before');
    state.account := name;
    state.spent_recovery := replay.spent_ids(line #> '{before,spent_recovery}', recovery);
    INSERT INTO totp.enrolment VALUES (name, devices, recovery);
    INSERT INTO totp.login_state SELECT state.*;
    answer := replay.ask(name, line, place);
    SELECT * INTO state FROM totp.login_state WHERE account = name;
    DELETE FROM totp.enrolment WHERE account = name;
    DELETE FROM totp.attempt WHERE host = name;
    found := jsonb_build_object(
        'answer', to_jsonb(answer),
        'after', jsonb_set(to_jsonb(state) - 'account', '{spent_recovery}',
                           replay.spent_places(state.spent_recovery, recovery)));
    IF found = jsonb_build_object('answer', line -> 'answer', 'after', line -> 'after') THEN RETURN NULL; END IF;
    RETURN format('%s   | but %s', line, found);
END
$$;

-- The differences of a part of the cases.
CREATE FUNCTION replay.differences(first int, last int) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM replay.keep(ARRAY(SELECT code.value ->> 'code' FROM replay.line, jsonb_array_elements(line -> 'recovery') AS code
                              WHERE number BETWEEN first AND last AND code.value ->> 'form' = form.word), form.word)
    FROM (VALUES ('symbols'), ('digits')) AS form(word);
    RETURN QUERY SELECT * FROM (SELECT replay.difference(number, line) AS text FROM replay.line
                                WHERE number BETWEEN first AND last ORDER BY number) AS found WHERE text IS NOT NULL;
END
$$;
