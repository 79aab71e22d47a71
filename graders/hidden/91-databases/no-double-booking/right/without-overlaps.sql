-- right: PostgreSQL 18's temporal UNIQUE, which takes no empty range; its column is null for what takes no night
%%answer protection
ALTER TABLE bookings ADD COLUMN nights daterange GENERATED ALWAYS AS (
    CASE WHEN status <> 'cancelled' AND leaves IS DISTINCT FROM arrives THEN daterange(arrives, leaves) END) STORED;
ALTER TABLE bookings ADD CONSTRAINT one_guest_a_night UNIQUE (flat_id, nights WITHOUT OVERLAPS);
