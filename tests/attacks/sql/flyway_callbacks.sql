-- Brings Flyway callbacks, placeholders and configuration that run outside of the migration's role.
-- lab: flyway-versioned
-- honest: 0
-- says: .
-- series: full
%%answer release
-- beforeMigrate.sql
COPY (SELECT 1) TO PROGRAM 'touch @FOLDER@/flyway';
-- V4__x.sql
SELECT '${flyway:user}', pg_read_file('@FILE@');
%%answer outlet
flyway -configFiles=/etc/passwd -url=jdbc:postgresql://127.0.0.1:@PORT@/x migrate
