-- Lets the database server subscribe to a publication on a listener outside.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied to create subscription
CREATE SUBSCRIPTION outside CONNECTION 'host=127.0.0.1 port=@PORT@ user=x' PUBLICATION p;
