-- No column holds a readable value, code, name or time: what is named `sealed` or `header` is
-- AES-256-GCM under a key that only the device's key store unwraps, `tag` is a keyed hash.
-- Integers are row numbers, states and counts of tries.

CREATE TABLE keyring (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  alias TEXT NOT NULL,       -- of the wrapping key, in the device's key store
  wrapped BLOB NOT NULL,     -- the database key
  proof BLOB NOT NULL        -- opens under the right database key
) STRICT;

-- Small sealed things: account, channels, streams, entries, heads, grants, requests, ...
CREATE TABLE item (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  tag BLOB NOT NULL,
  state INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (kind, tag)
) STRICT;

CREATE TABLE batch (
  id INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,    -- 0 open, 1 frozen, 2 sealed, 3 queued, 4 stored, 5 logged, 6 witnessed
  header BLOB NOT NULL
) STRICT;

-- Records of batches that are not sealed yet, a row per group that was added together.
CREATE TABLE part (
  id INTEGER PRIMARY KEY,    -- batch * 65536 + number
  sealed BLOB NOT NULL
) STRICT;

-- Sealed batches, byte for byte as they are uploaded.
CREATE TABLE body (
  batch INTEGER PRIMARY KEY REFERENCES batch (id) ON DELETE CASCADE,
  sealed BLOB NOT NULL,
  filter BLOB NOT NULL       -- sealed: which record hashes may be in it
) STRICT;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  priority INTEGER NOT NULL,
  state INTEGER NOT NULL,    -- 0 waiting, 1 quarantined
  attempts INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_order ON outbox (state, priority, id);
