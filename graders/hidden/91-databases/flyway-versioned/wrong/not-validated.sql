-- fails: test_outlet_joins — validation is switched off, and the baseline is as it comes
%%answer outlet
flyway -environment=outlet baseline
flyway -environment=outlet -validateOnMigrate=false -outOfOrder=true migrate
