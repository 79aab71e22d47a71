-- fails: test_outlet_joins — the baseline is right, and migrate forgets the environment: it goes to production, which has all
%%answer outlet
flyway -environment=outlet -baselineVersion=2 baseline
flyway migrate
