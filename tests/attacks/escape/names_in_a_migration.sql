-- Names the files of its migrations so that they lie outside of the folder that they are written to.
-- lab: migrate-dirty
-- honest: 0
-- says: is no name of a migration|stands in no file|looks like a file's name
-- series: full
%%answer files
-- ..%2f..%2fetc.sql
SELECT 1;
-- 000004_../../../../..@FOLDER@/x.up.sql
SELECT 1;
%%answer recovery
migrate up -path / -database postgres://postgres@127.0.0.1/postgres
