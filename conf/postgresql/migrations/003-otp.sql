-- One-time passwords: HOTP (RFC 4226) and, with the time as its counter, TOTP (RFC 6238), as core/otp.
-- Functions from here to 008 decide and write nothing; `now` is always an argument.

SET LOCAL ROLE totp_owner;

-- Which time step `now` lies in (RFC 6238 §4.2).
CREATE FUNCTION totp.time_step(now bigint, period int) RETURNS bigint
    IMMUTABLE PARALLEL SAFE
    RETURN now / period;

-- One HOTP value (RFC 4226 §5.3). The same inputs always give the same code: reuse is prevented by the verifier.
CREATE FUNCTION totp.code(device totp.device, counter bigint) RETURNS int
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    digest CONSTANT bytea := totp_crypto.hmac(int8send(counter), device.secret, device.algorithm);
    start CONSTANT int := get_byte(digest, length(digest) - 1) & 15;
BEGIN
    RETURN (((get_byte(digest, start) & 127) << 24) + (get_byte(digest, start + 1) << 16)
            + (get_byte(digest, start + 2) << 8) + get_byte(digest, start + 3))
           % CASE device.digits WHEN 6 THEN 1000000 WHEN 7 THEN 10000000 WHEN 8 THEN 100000000 END;
END
$$;

-- Names a device in a login state without giving its secret away. Made of everything that decides which code
-- belongs to which counter: the same device enrolled again keeps its replay protection.
CREATE FUNCTION totp.device_id(device totp.device) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    message CONSTANT text := concat_ws(' ', 'pam-totp device', device.type, device.digits,
                                       CASE device.type WHEN 'totp' THEN device.period END);
BEGIN
    RETURN encode(substr(totp_crypto.hmac(convert_to(message, 'UTF8'), device.secret, device.algorithm), 1, 8), 'hex');
END
$$;
