-- fails: test_clean — everything anew
%%answer recovery
migrate drop -f
migrate up
