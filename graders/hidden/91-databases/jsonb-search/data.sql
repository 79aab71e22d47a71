-- Shapes that the learner's own data has not: a refund inside a history, an amount just at the limit as text and as number,
-- a document with the right words at the wrong depth, an amount with an exponent.
-- An eighth of the rows is enough for an index to matter, and an answer builds its index on them in an eighth of the time.
CREATE TEMP TABLE kept AS SELECT * FROM events WHERE id % 8 = 0;
TRUNCATE events;
INSERT INTO events SELECT * FROM kept;
INSERT INTO events (id, at, doc) VALUES
    (200001, '2026-06-01', '{"event": {"kind": "payment"}, "history": [{"event": {"kind": "refund"}, "refund": {"amount": 300}}]}'),
    (200002, '2026-06-01', '{"event": {"kind": "refund"}, "order": {"id": 7, "customer": "c-limit-text"}, "refund": {"amount": "100"}}'),
    (200003, '2026-06-01', '{"event": {"kind": "refund"}, "order": {"id": 8, "customer": "c-limit-number"}, "refund": {"amount": 100}}'),
    (200004, '2026-06-01', '{"event": {"kind": "refund"}, "order": {"id": 9, "customer": "c-below"}, "refund": {"amount": "99.99"}}'),
    (200005, '2026-06-01', '{"kind": "refund", "order": {"id": 10, "customer": "c-depth"}, "refund": {"amount": 250}}'),
    (200006, '2026-06-01', '{"event": {"kind": "refund"}, "order": {"id": 11, "customer": "c-exponent"}, "refund": {"amount": 1.5e2}}'),
    (200007, '2026-06-01', '{"event": {"kind": "refund"}, "refund": {"amount": 180}}'),
    (200008, '2026-06-01', '{"event": {"kind": "refund"}, "order": {"id": 12, "customer": "c-text-large"}, "refund": {"amount": "1250.00"}}');
