-- fails: test_protects_what_is_there — without the flat, the whole house has one guest
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (daterange(arrives, leaves) WITH &&) WHERE (status <> 'cancelled');
