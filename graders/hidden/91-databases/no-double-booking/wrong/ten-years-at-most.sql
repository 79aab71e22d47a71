-- fails: test_without_end_means_without_end — until further notice is taken for ten years
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, coalesce(leaves, arrives + 3650)) WITH &&) WHERE (status <> 'cancelled');
