-- fails: test_outlet_joins — repair has nothing to repair in a schema without a history
%%answer outlet
flyway -environment=outlet repair
flyway -environment=outlet migrate
