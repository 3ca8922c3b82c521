-- What was typed: shapes alone, as core/verifier and core/recovery read them.

SET LOCAL ROLE totp_owner;

-- Six to eight digits, in groups or not, as the digits alone; null for all else.
CREATE FUNCTION totp.typed_code(response text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN substring(translate(response, E' \t-', '') FROM '^[0-9]{6,8}$');

-- The 16 symbols (Crockford base 32) that are hashed; null if it isn't shaped like a recovery code of ours. Read in
-- any case, with or without hyphens and blanks, O as 0, I and L as 1.
CREATE FUNCTION totp.typed_recovery_code(response text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN substring(translate(response, 'abcdefghijklmnopqrstuvwxyzOIL -', 'ABCDEFGH1JK1MN0PQRSTUVWXYZ011')
                     FROM '^[0-9A-HJKMNP-TV-Z]{16}$');

-- Why a response is no guess and isn't counted: empty, or what sshd answers for users it won't let in. Null for all
-- others. That it is the account's password only the host can know.
CREATE FUNCTION totp.reason_not_to_count(response text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN btrim(response, E' \t') = '' THEN 'malformed'
        WHEN starts_with(response, E'\b\n\r\x7f') OR starts_with(E'\b\n\r\x7f', response) THEN 'dummy'
    END;

-- Of two readings of one response: which reason says more. `none` is right.
CREATE FUNCTION totp.weightier(one text, other text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN 'none' IN (one, other) THEN 'none'
        WHEN 'replayed' IN (one, other) THEN 'replayed'
        WHEN 'wrong' IN (one, other) THEN 'wrong'
        ELSE 'malformed'
    END;
