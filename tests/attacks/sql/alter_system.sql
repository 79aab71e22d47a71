-- Changes the server's own settings, for all who come after.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied to set parameter
ALTER SYSTEM SET archive_command = 'touch @FOLDER@/archived';
