-- Reads files of the database server's machine with the functions that superusers have for it.
-- lab: jsonb-search
-- honest: 0
-- says: permission denied for function pg_read_file
SELECT pg_read_file('@FILE@'), pg_read_binary_file('@NEIGHBOUR@'), pg_ls_dir('@HIDDEN@');
