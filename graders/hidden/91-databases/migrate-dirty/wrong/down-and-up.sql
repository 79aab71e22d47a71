-- fails: test_nothing_lost — what was done that evening: the way down drops the points
%%answer recovery
psql -c "DROP INDEX CONCURRENTLY customers_email"
migrate force 3
migrate down 1
migrate up
