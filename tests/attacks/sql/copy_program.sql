-- Runs a program on the database server's machine.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied to COPY to or from an external program
COPY (SELECT 1) TO PROGRAM 'touch @FOLDER@/program';
