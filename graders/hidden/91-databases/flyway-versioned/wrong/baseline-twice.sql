-- fails: test_outlet_joins — the baseline by default first, then once more with the right version
%%answer outlet
flyway -environment=outlet baseline
flyway -environment=outlet -baselineVersion=2 baseline
flyway -environment=outlet migrate
