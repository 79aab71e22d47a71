-- fails: test_no_other_flat_waits — five locks for all flats: some flats share one (the constraint would have been enough)
%%answer protection
ALTER TABLE bookings ADD EXCLUDE USING gist (flat_id WITH =, daterange(arrives, leaves) WITH &&) WHERE (status <> 'cancelled');
CREATE FUNCTION one_after_the_other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(NEW.flat_id % 5);
    RETURN NEW;
END $$;
CREATE TRIGGER one_after_the_other BEFORE INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION one_after_the_other();
