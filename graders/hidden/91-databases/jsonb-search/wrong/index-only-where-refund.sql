-- fails: test_serves_another_question — a partial index is small, and blind for everything else
%%answer index
CREATE INDEX ON events USING gin (doc jsonb_path_ops) WHERE doc @> '{"event": {"kind": "refund"}}';
