-- fails: test_changes_are_guarded — the trigger compares a changed booking with itself
%%answer protection
CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7, NEW.flat_id);
    IF NEW.status <> 'cancelled' AND EXISTS (
        SELECT FROM bookings AS other
        WHERE other.flat_id = NEW.flat_id AND other.status <> 'cancelled'
          AND daterange(other.arrives, other.leaves) && daterange(NEW.arrives, NEW.leaves)
    ) THEN
        RAISE EXCEPTION 'flat % is taken', NEW.flat_id USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_overlap BEFORE INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION refuse_overlap();
