-- fails: test_protects_what_is_there — cancelled bookings overlap, so the constraint is refused
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&);
