-- Reads how the running transaction is isolated.
--
-- parameters  none
-- returns     the level, in words
-- locks       none
-- index       none
select current_setting('transaction_isolation')
