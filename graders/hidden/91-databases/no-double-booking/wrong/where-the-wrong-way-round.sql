-- fails: test_protects_what_is_there — WHERE says which rows are guarded, not which are excepted
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&)
    WHERE (status = 'cancelled' AND note IS NULL);
