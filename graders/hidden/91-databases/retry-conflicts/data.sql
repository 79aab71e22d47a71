-- Richer accounts, so that no amount of the visible data fits here.
UPDATE accounts SET cents = cents + 1000000;
