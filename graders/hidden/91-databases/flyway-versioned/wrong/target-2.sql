-- fails: test_outlet_joins — migrate stops at version 2
%%answer outlet
flyway -environment=outlet -baselineVersion=2 baseline
flyway -environment=outlet -target=2 migrate
