-- fails: test_index_in_production — clean, but the invalid index stays
%%answer recovery
migrate force 3
migrate up
