-- fails: test_outlet_joins — what the error message proposes, with the default version
%%answer outlet
flyway -environment=outlet -baselineOnMigrate=true migrate
