-- Recovery codes: hashed, matched, spent. As core/recovery, with another hash: yescrypt isn't to be had in
-- PostgreSQL, so they are kept by pgcrypto's crypt() with Blowfish, which is its slowest. Against 80 random bits the
-- lowest cost is enough, about a millisecond; eight digits of another program cost what a password's hash does.

SET LOCAL ROLE totp_owner;

-- A new salt for codes of this form.
CREATE FUNCTION totp.new_setting(form text) RETURNS text
    VOLATILE
    RETURN totp_crypto.gen_salt('bf', CASE form WHEN 'digits' THEN 8 ELSE 4 END);

-- The part of a hash that crypt() takes as its salt.
CREATE FUNCTION totp.setting_of(hash text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN left(hash, 29);

-- Names a code in a login state once it is spent.
CREATE FUNCTION totp.recovery_id(code totp.recovery_code) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN right(code.hash, 8);

-- Which of `recovery` the typed code belongs to; null if to none. One hash for each different salt of that form,
-- and one where there are none: an account without such codes takes as long.
CREATE FUNCTION totp.find_recovery_code(typed text, form text, recovery totp.recovery_code[])
    RETURNS totp.recovery_code
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH own AS (
        SELECT * FROM unnest(recovery) WITH ORDINALITY AS code(hash, form, expires, position)
        WHERE code.form = find_recovery_code.form
    ), setting AS (
        SELECT DISTINCT totp.setting_of(hash) AS setting FROM own
        UNION ALL
        SELECT '$2a$04$......................' WHERE NOT EXISTS (SELECT FROM own)
    ), offered AS MATERIALIZED (
        SELECT totp_crypto.crypt(typed, setting) AS hash FROM setting
    )
    SELECT ROW(own.hash, own.form, own.expires)::totp.recovery_code
    FROM offered LEFT JOIN own USING (hash)
    ORDER BY own.position DESC NULLS LAST
    LIMIT 1;
END;

-- Nobody's records look like a usual account's.
INSERT INTO totp.nobody
SELECT ROW(NULL, ARRAY[phone], recovery)::totp.enrolment,
       ROW(NULL, (0, 0, 0, '', NULL, NULL), (0, 0, 0, '', NULL, NULL), ARRAY[ROW((phone).id, 0, 0, 0, '')::totp.device_state],
           '{}', '{}')::totp.login_state
FROM (SELECT ROW('phone', gen_random_uuid(), 'totp', 'sha1', 6, 30, totp_crypto.gen_random_bytes(20))::totp.device
     ) AS device(phone),
     (SELECT array_agg(ROW(totp_crypto.crypt(gen_random_uuid()::text, setting), 'symbols', NULL)::totp.recovery_code)
      FROM totp.new_setting('symbols') AS setting, generate_series(1, 10)) AS codes(recovery);
