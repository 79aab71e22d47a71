-- fails: test_outlet_joins — production gets the baseline, or would
%%answer outlet
flyway -baselineVersion=2 baseline
flyway migrate
