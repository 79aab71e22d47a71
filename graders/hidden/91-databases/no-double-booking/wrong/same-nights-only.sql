-- fails: test_protects_what_is_there — `=` in the place of `&&` refuses only the very same nights
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH =) WHERE (status <> 'cancelled' AND leaves > arrives);
