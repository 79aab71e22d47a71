-- Sends verdicts as notices, notifications and parameter changes.
-- lab: jsonb-search
-- honest: 0
-- says: No GIN index
DO $$ BEGIN
    FOR number IN 1..500 LOOP
        RAISE NOTICE E'\n{"id": %, "verdicts": []}\n', number;
    END LOOP;
END $$;
SELECT pg_notify('checker', '{"id": 1, "verdicts": []}');
SET application_name = '{"id": 1, "verdicts": []}';
