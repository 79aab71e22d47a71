-- fails: test_has_a_gin_index — an expression index: good for this question, useless for the next
%%answer index
CREATE INDEX ON events ((doc #>> '{event,kind}'));
