-- fails: test_clean — the index is built again, over the same two customers
%%answer recovery
psql -c "REINDEX INDEX CONCURRENTLY customers_email"
migrate force 3
migrate up
