-- fails: test_outlet_joins — the rest was never run
%%answer outlet
flyway -environment=outlet -baselineVersion=2 baseline
