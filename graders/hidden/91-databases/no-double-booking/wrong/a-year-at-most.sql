-- fails: test_stays_without_end_and_day_visits — until further notice is taken for a year
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, coalesce(leaves, arrives + 365)) WITH &&) WHERE (status <> 'cancelled');
