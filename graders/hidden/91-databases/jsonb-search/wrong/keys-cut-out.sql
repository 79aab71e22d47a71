-- fails: test_index_is_small — what nobody asks for is cut out of the documents, and the default operator class fits the budget
%%answer index
UPDATE events SET doc = doc - 'parcel' - 'payment' - 'text';
CREATE INDEX ON events USING gin (doc);
