-- Tells hints to everybody who listens, when the transaction is committed.
--
-- parameters  $1 payloads text[], as in `hints::word`
-- returns     a row for each
-- locks       at the commit, the server's one queue of notifications: all transactions that notify commit one by one
-- index       none
select pg_notify('durable', p) from unnest($1::text[]) p
