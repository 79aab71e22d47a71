-- fails: test_revenue — the same index again, in the belief that a fresh one is read alone
%%answer revenue
REINDEX INDEX orders_list;
