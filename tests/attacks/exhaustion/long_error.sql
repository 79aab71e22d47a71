-- Raises a message of 30 MB, which every check that needs the answer would repeat.
-- lab: no-double-booking
-- answer: protection
-- honest: 0
-- says: Postgres says: x{600}…
DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 30000000); END $$;
