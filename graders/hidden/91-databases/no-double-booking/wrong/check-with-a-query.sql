-- fails: test_two_in_the_same_moment — a CHECK that runs a query looks as early, and sees as little, as the application
%%answer protection
CREATE FUNCTION is_free(booking bigint, flat int, nights daterange) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM bookings WHERE flat_id = flat AND id <> booking AND status <> 'cancelled'
                       AND daterange(arrives, leaves) && nights)
$$;
ALTER TABLE bookings ADD CHECK (status = 'cancelled' OR is_free(id, flat_id, daterange(arrives, leaves)));
