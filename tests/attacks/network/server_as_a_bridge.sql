-- Lets the database server connect to a listener outside.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied|must be superuser
CREATE EXTENSION dblink;
SELECT dblink_connect('host=127.0.0.1 port=@PORT@ user=x');
