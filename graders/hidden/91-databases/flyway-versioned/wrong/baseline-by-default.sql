-- fails: test_outlet_joins — the default is version 1, so V2 makes a column that is there
%%answer outlet
flyway -environment=outlet baseline
flyway -environment=outlet migrate
