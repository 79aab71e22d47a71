-- right: a version made of date and time, dashes in a name, Windows line ends, blanks in empty lines; the outlet after a look at production
%%answer release
-- V2__discount.sql
-- A discount, in percent of the total.
ALTER TABLE orders ADD COLUMN discount numeric(5, 2) NOT NULL DEFAULT 0;
   
-- V20260414103000__discount-limit.sql
  
UPDATE orders SET discount = discount / 10 WHERE discount > 50;
ALTER TABLE orders ADD CHECK (discount BETWEEN 0 AND 50);
%%answer outlet
flyway -environment=production validate
flyway -environment=outlet -baselineVersion=2 -baselineDescription="by hand, ticket #4711" baseline  # V1 and V2 are there
flyway -environment=outlet migrate
