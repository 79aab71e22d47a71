-- right: a trigger that changes the flat's row (to what it was): at REPEATABLE READ the second one then fails, and does not look with an old snapshot
%%answer protection
CREATE FUNCTION refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE flats SET name = name WHERE id = NEW.flat_id;
    IF NEW.status <> 'cancelled' AND EXISTS (
        SELECT FROM bookings AS other
        WHERE other.flat_id = NEW.flat_id AND other.id <> NEW.id AND other.status <> 'cancelled'
          AND daterange(other.arrives, other.leaves) && daterange(NEW.arrives, NEW.leaves)
    ) THEN
        RAISE EXCEPTION 'flat % is taken', NEW.flat_id USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_overlap BEFORE INSERT OR UPDATE OF flat_id, arrives, leaves, status ON bookings FOR EACH ROW EXECUTE FUNCTION refuse_overlap();
