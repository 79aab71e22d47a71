-- fails: test_cancelled_bookings_take_no_nights — a held booking takes its nights, too
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&) WHERE (status = 'confirmed');
