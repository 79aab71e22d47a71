-- fails: test_other_flats_do_not_wait — the whole table is locked for each booking
%%answer protection
CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE bookings IN SHARE ROW EXCLUSIVE MODE;
    IF NEW.status <> 'cancelled' AND EXISTS (
        SELECT FROM bookings AS other
        WHERE other.flat_id = NEW.flat_id AND other.id <> NEW.id AND other.status <> 'cancelled'
          AND daterange(other.arrives, other.leaves) && daterange(NEW.arrives, NEW.leaves)
    ) THEN
        RAISE EXCEPTION 'flat % is taken', NEW.flat_id USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_overlap BEFORE INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION refuse_overlap();
