-- show: how one queue is, for list_queues, which has many slots to look at.
--
-- ARGV     none
-- returns  {not_found} · {ok, state}
-- bound    2 commands

if not queue_state then return { 'not_found' } end
return { 'ok', queue_state }
