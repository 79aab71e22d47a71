-- fails: test_outlet_joins — the baseline is at the newest version: Flyway is content, and the view is missing
%%answer outlet
flyway -environment=outlet -baselineVersion=3 baseline
flyway -environment=outlet migrate
