-- Holds as much in the memory of one session as a value may have, many times.
-- lab: jsonb-search
-- honest: 0
-- says: out of memory|memory alloc|terminat|closed the connection
-- series: full
DO $$ DECLARE held text[]; BEGIN
    FOR number IN 1..100 LOOP
        held := held || repeat('x', 50000000 + number);
    END LOOP;
END $$;
