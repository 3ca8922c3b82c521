-- Where an attempt comes from, and where its user logged in before: core/place and core/known_places.

SET LOCAL ROLE totp_owner;

-- FNV-1a, 64 bits, in 16 hexadecimal digits: core/checksum. In halves, for bigint has a sign and doesn't wrap.
CREATE FUNCTION totp.checksum(octets bytea) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    high bigint := x'cbf29ce4'::bigint;
    low bigint := x'84222325'::bigint;
    half CONSTANT bigint := x'ffffffff'::bigint;
    product bigint;
BEGIN
    FOR i IN 0 .. length(octets) - 1 LOOP
        low := low # get_byte(octets, i);
        product := low * 435;  -- the prime is 2^40 + 435
        high := (high * 435 + (product >> 32) + (low << 8)) & half;
        low := product & half;
    END LOOP;
    RETURN lpad(to_hex(high), 8, '0') || lpad(to_hex(low), 8, '0');
END
$$;

-- A name that isn't an address, in lower case; what can't stand in a place, byte by byte, as %XX.
CREATE FUNCTION totp.named_place(name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    octets CONSTANT bytea := convert_to(name, 'UTF8');
    place text := '';
    octet int;
BEGIN
    FOR i IN 0 .. length(octets) - 1 LOOP
        octet := get_byte(octets, i);
        place := place || CASE
            WHEN octet BETWEEN 33 AND 126 AND strpos('%,=:', chr(octet)) = 0
                THEN translate(chr(octet), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
            ELSE '%' || lpad(to_hex(octet), 2, '0')
        END;
    END LOOP;
    RETURN CASE
        WHEN place = '-' THEN '%2d'
        WHEN length(place) > 48 THEN left(place, 31) || '~' || totp.checksum(convert_to(place, 'UTF8'))
        ELSE place
    END;
END
$$;

-- The address that inet_pton(3) would read; null for all else, which PostgreSQL's inet is more lenient about.
CREATE FUNCTION totp.address_in(written text) RETURNS inet
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    number CONSTANT text := '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
    ipv4 CONSTANT text := number || '(\.' || number || '){3}';
BEGIN
    IF written !~ ('^' || ipv4 || '$') AND written !~ ('^[0-9A-Fa-f:]*:([0-9A-Fa-f]*|' || ipv4 || ')$') THEN
        RETURN NULL;
    END IF;
    RETURN written::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$$;

-- The place a remote host stands for: an address, of IPv6 the /64, or a name. An IPv6 address that wraps one of
-- IPv4 counts as that.
CREATE FUNCTION totp.remote_place(remote_host text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    address CONSTANT inet := totp.address_in(split_part(remote_host, '%', 1));
BEGIN
    RETURN CASE
        WHEN address IS NULL THEN totp.named_place(remote_host)
        WHEN family(address) = 4 THEN host(address)
        WHEN address <<= '::ffff:0:0/96' THEN substring(host(address) FROM '[^:]*$')
        ELSE host(network(set_masklen(address, 64))) || '/64'
    END;
END
$$;

-- The place of somebody on the host itself: `local:UID`, or nothing where the host doesn't say who. The same on
-- two hosts are two places.
CREATE FUNCTION totp.place_of(remote_host text, host text) RETURNS text
    IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN coalesce(remote_host, '') = '' THEN 'local:' || totp.named_place(host)
        WHEN remote_host ~ '^local:[0-9]{1,10}$' THEN remote_host || '@' || totp.named_place(host)
        ELSE totp.remote_place(remote_host)
    END;

-- Whether the user has logged in from there within the last 90 days.
CREATE FUNCTION totp.is_known(places totp.known_place[], place text, now bigint) RETURNS boolean
    IMMUTABLE PARALLEL SAFE
    RETURN EXISTS (SELECT FROM unnest(places) AS known
                   WHERE known.place = is_known.place AND known.last_login > now - 90 * 86400);

-- Notes a login. Of more than 8 places the one with the oldest login is forgotten.
CREATE FUNCTION totp.with_known_place(places totp.known_place[], place text, now bigint) RETURNS totp.known_place[]
    IMMUTABLE PARALLEL SAFE
    RETURN (
        SELECT array_agg(ROW(kept.place, kept.last_login)::totp.known_place ORDER BY kept.position)
        FROM (SELECT *
              FROM unnest(places) WITH ORDINALITY AS known(place, last_login, position)
              WHERE known.place <> with_known_place.place
              ORDER BY last_login DESC, position DESC
              LIMIT 7) AS kept
    ) || ROW(place, now)::totp.known_place;
