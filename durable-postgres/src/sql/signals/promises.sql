-- Reads the settings that decide what an acknowledged write survives.
--
-- parameters  none
-- returns     fsync, full_page_writes, whether a commit waits for its disk, whether the server only repeats another's writes
-- locks       none
select current_setting('fsync')::boolean as fsync, current_setting('full_page_writes')::boolean as full_page_writes,
       current_setting('synchronous_commit') <> 'off' as synchronous_commit, pg_is_in_recovery() as standby
