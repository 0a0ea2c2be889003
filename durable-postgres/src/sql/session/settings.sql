-- Settings for the rest of a transaction, where connections are not the store's own and keep theirs.
--
-- Only how fast statements are depends on them. Every statement has its index: with the other ways to scan and join
-- switched off, no plan depends on ANALYZE, and one that was made while the tables were empty is still right when they are
-- full. One generic plan for each statement, and nothing compiled.
--
-- parameters  none
-- returns     nothing
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local plan_cache_mode = force_generic_plan;
set local jit = off
