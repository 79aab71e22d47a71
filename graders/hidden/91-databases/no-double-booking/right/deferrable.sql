-- right: deferrable, but immediate unless told; timestamps instead of dates; the live statuses listed
%%answer protection
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE public.bookings ADD CONSTRAINT nights_once
    EXCLUDE USING gist (flat_id WITH =, tsrange(arrives::timestamp, leaves::timestamp, '[)') WITH &&)
    WHERE (status IN ('held', 'confirmed')) DEFERRABLE INITIALLY IMMEDIATE;
