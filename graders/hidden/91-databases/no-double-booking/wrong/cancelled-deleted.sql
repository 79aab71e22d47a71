-- fails: test_protects_what_is_there — the rows that stand in the way are deleted
%%answer protection
DELETE FROM bookings WHERE status = 'cancelled';
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&);
