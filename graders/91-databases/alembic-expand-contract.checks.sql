-- Two batches: who holds what for how long is counted in rows, not timed.
SET labkit.customers = 7000;
