-- fails: test_clean — version 2 is not true: the column is there
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
migrate force 2
migrate up
