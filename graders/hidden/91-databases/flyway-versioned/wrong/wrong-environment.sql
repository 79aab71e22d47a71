-- fails: test_outlet_joins — production gets the commands that the outlet needs
%%answer outlet
flyway -environment=production -baselineVersion=2 baseline
flyway -environment=production migrate
