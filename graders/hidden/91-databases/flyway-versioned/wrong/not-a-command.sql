-- fails: test_outlet_joins — SQL where commands are asked for
%%answer outlet
INSERT INTO outlet.flyway_schema_history VALUES (1, '2');
