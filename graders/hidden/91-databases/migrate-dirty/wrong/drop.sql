-- fails: test_clean — everything is dropped, and made again
%%answer recovery
migrate drop -f
migrate up
