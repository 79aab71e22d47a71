-- fails: test_clean — a number that is not true: nothing of 4 and 5 was done
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
migrate force 5
