-- fails: test_protects_what_is_there — a column that is filled once, and null in every booking from then on
%%answer protection
ALTER TABLE bookings ADD COLUMN stay daterange;
UPDATE bookings SET stay = daterange(arrives, leaves);
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, stay WITH &&) WHERE (status <> 'cancelled');
