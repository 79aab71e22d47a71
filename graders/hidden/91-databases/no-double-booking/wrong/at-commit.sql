-- fails: test_protects_what_is_there — deferred: the refusal comes with the COMMIT, when the card is charged
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&) WHERE (status <> 'cancelled')
    DEFERRABLE INITIALLY DEFERRED;
