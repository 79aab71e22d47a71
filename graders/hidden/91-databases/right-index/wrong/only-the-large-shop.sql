-- fails: test_revenue_of_other_shops — small and quick, for one shop
%%answer revenue
CREATE INDEX ON orders (placed_at) INCLUDE (total_cents) WHERE shop_id = 12;
