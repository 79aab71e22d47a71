-- Fails with the error of a broken server, so that the course is blamed, and no 0 is given.
-- lab: no-double-booking
-- answer: protection
-- honest: 0
-- says: Postgres says: the disk is broken
DO $$ BEGIN RAISE EXCEPTION 'the disk is broken' USING ERRCODE = '58030'; END $$;
