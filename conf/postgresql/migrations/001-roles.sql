-- Who there is, and how little each may do.
--
--     totp_owner   owns everything; nobody logs in as it. Each function that others may call runs as it.
--     totp_host    the hosts: may call totp.verify() and nothing else. A host is a role that logs in, named as its
--                  certificate's CN, in this group; who asks is session_user, never an argument.
--     totp_admin   the administrators: functions that enrol, list, unlock and remove, and switch hosts off.
--
-- Neither of the two groups may read a table. Roles are the cluster's, and may be there from another database.

SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user \gset
\if :is_superuser
\else
    \warn 'migrate is for a superuser: it makes roles and takes rights away from everybody.'
    SELECT 1 / 0;
\endif

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['totp_owner', 'totp_host', 'totp_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;

-- For end_transaction() and switch_off_host().
GRANT pg_read_all_stats, pg_signal_backend TO totp_owner;

-- The database is nobody's by default: no connection, no temporary tables or functions.
SELECT current_database() AS database \gset
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO totp_host, totp_admin;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- Nor may everybody keep large objects: a stolen host would fill the disk with them.
DO $$
DECLARE
    writer regprocedure;
BEGIN
    FOR writer IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_open', 'lo_put', 'lowrite')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', writer);
    END LOOP;
END
$$;

CREATE SCHEMA totp AUTHORIZATION totp_owner;
GRANT USAGE ON SCHEMA totp TO totp_host, totp_admin;

CREATE SCHEMA totp_crypto;
GRANT USAGE ON SCHEMA totp_crypto TO totp_owner;
CREATE EXTENSION pgcrypto SCHEMA totp_crypto;

-- A new function is its owner's alone until it is granted.
ALTER DEFAULT PRIVILEGES FOR ROLE totp_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE totp_owner REVOKE USAGE ON TYPES FROM PUBLIC;

SET LOCAL ROLE totp_owner;

CREATE TABLE totp.migration (
    name text PRIMARY KEY,
    run_at timestamptz NOT NULL DEFAULT now()
);
