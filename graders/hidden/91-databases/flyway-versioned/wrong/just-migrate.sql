-- fails: test_outlet_joins — Flyway refuses a schema with tables and without a history
%%answer outlet
flyway -environment=outlet migrate
