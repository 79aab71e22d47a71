-- right: the nights as a generated column, which is null for cancelled bookings; null overlaps nothing
%%answer protection
ALTER TABLE bookings ADD COLUMN nights daterange
    GENERATED ALWAYS AS (CASE WHEN status <> 'cancelled' THEN daterange(arrives, leaves) END) STORED;
ALTER TABLE bookings ADD EXCLUDE USING gist (nights WITH &&, flat_id WITH =);
