-- fails: test_protects_what_is_there — unique is what is equal, not what overlaps
%%answer protection
CREATE UNIQUE INDEX ON bookings (flat_id, arrives) WHERE status <> 'cancelled';
