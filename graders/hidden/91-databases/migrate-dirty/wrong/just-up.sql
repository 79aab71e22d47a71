-- fails: test_clean — golang-migrate refuses
%%answer recovery
migrate up
