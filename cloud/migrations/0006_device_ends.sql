-- When a device's end was decided: what it stated before counts. Null: ended before this was kept.
ALTER TABLE device ADD COLUMN ended_ms INTEGER;
