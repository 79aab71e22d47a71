-- Starts a COPY from and to the client, and waits for it.
-- lab: jsonb-search
-- honest: 0
-- says: COPY from the client is not possible here
COPY events TO STDOUT;
COPY events FROM STDIN;
