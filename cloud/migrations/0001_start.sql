CREATE TABLE account (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  aik BLOB NOT NULL,
  kk BLOB NOT NULL,
  used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
  cursor INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE device (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account BLOB NOT NULL REFERENCES account (id),
  dsk BLOB NOT NULL,
  statement TEXT NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX device_account ON device (account);

CREATE TABLE session (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  subject BLOB NOT NULL,
  spki BLOB NOT NULL,
  end_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX session_subject ON session (subject);

CREATE TABLE recovery (
  account BLOB NOT NULL REFERENCES account (id),
  generation INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (account, generation)
) STRICT;

CREATE TABLE bag (
  account BLOB NOT NULL REFERENCES account (id),
  item BLOB NOT NULL CHECK (length(item) = 16),
  generation INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (account, item)
) STRICT;

-- A change's body is made when it is read, from the row it names: an erased thing leaves no copy.
CREATE TABLE change (
  account BLOB NOT NULL REFERENCES account (id),
  cursor INTEGER NOT NULL,
  kind TEXT NOT NULL,
  ref BLOB,
  body TEXT,
  PRIMARY KEY (account, cursor)
) STRICT, WITHOUT ROWID;

CREATE TABLE channel (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  account BLOB REFERENCES account (id),
  owner BLOB NOT NULL,
  locator BLOB NOT NULL UNIQUE,
  inbox BLOB NOT NULL
) STRICT;
CREATE INDEX channel_account ON channel (account);

CREATE TABLE entry (
  idx INTEGER PRIMARY KEY,
  channel BLOB NOT NULL CHECK (length(channel) = 16),
  seq INTEGER NOT NULL,
  type INTEGER NOT NULL,
  recordhash BLOB NOT NULL,
  event_hash BLOB NOT NULL UNIQUE,
  receiver BLOB,
  bytes BLOB NOT NULL,
  UNIQUE (channel, seq)
) STRICT;
CREATE INDEX entry_recordhash ON entry (recordhash);

CREATE TABLE tile (
  level INTEGER NOT NULL,
  n INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE frontier (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE channel_key (
  channel BLOB NOT NULL,
  id BLOB NOT NULL,
  spki BLOB NOT NULL,
  purpose INTEGER NOT NULL,
  idx INTEGER NOT NULL REFERENCES entry (idx),
  revoked INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, id)
) STRICT;

CREATE TABLE closed_key (
  channel BLOB NOT NULL,
  stream_key BLOB NOT NULL,
  PRIMARY KEY (channel, stream_key)
) STRICT;

CREATE TABLE upload (
  batch BLOB NOT NULL,
  revision INTEGER NOT NULL,
  channel BLOB NOT NULL,
  account BLOB NOT NULL,
  uploader BLOB NOT NULL,
  body TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  announced_ms INTEGER NOT NULL,
  PRIMARY KEY (batch, revision)
) STRICT;

CREATE TABLE upload_part (
  batch BLOB NOT NULL,
  revision INTEGER NOT NULL,
  part INTEGER NOT NULL,
  PRIMARY KEY (batch, revision, part)
) STRICT;

CREATE TABLE batch (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  channel BLOB NOT NULL,
  account BLOB NOT NULL,
  revision INTEGER NOT NULL,
  stream_key BLOB NOT NULL,
  root BLOB NOT NULL,
  leaves INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  digest BLOB NOT NULL,
  idx INTEGER NOT NULL REFERENCES entry (idx),
  seq INTEGER NOT NULL,
  erased INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX batch_stream_key ON batch (channel, stream_key);
CREATE INDEX batch_account ON batch (account);

CREATE TABLE organisation (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  id BLOB UNIQUE,
  certificate BLOB
) STRICT;

CREATE TABLE enrolment_code (
  hash BLOB PRIMARY KEY,
  organisation INTEGER NOT NULL REFERENCES organisation (number),
  end_ms INTEGER NOT NULL,
  answer TEXT,
  request BLOB
) STRICT;

CREATE TABLE certificate (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  serial BLOB NOT NULL UNIQUE,
  subject BLOB NOT NULL,
  organisation BLOB NOT NULL,
  der BLOB NOT NULL,
  spki BLOB NOT NULL,
  role TEXT NOT NULL,
  end_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  idx INTEGER
) STRICT;
CREATE INDEX certificate_subject ON certificate (subject);

CREATE TABLE request (
  recordhash BLOB NOT NULL,
  channel BLOB NOT NULL,
  idx INTEGER NOT NULL REFERENCES entry (idx),
  body TEXT NOT NULL,
  PRIMARY KEY (channel, recordhash)
) STRICT;

CREATE TABLE access_grant (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  channel BLOB NOT NULL,
  organisation BLOB NOT NULL,
  person BLOB,
  may_read INTEGER NOT NULL,
  may_append INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  expiry INTEGER NOT NULL,
  recordhash BLOB NOT NULL,
  document TEXT NOT NULL,
  digest BLOB NOT NULL,
  idx INTEGER NOT NULL REFERENCES entry (idx),
  revoked_seq INTEGER
) STRICT;
CREATE INDEX access_grant_organisation ON access_grant (organisation);
CREATE UNIQUE INDEX access_grant_recordhash ON access_grant (channel, recordhash);

CREATE TABLE envelope (
  access_grant BLOB NOT NULL REFERENCES access_grant (id),
  stream_key BLOB NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (access_grant, stream_key)
) STRICT;

CREATE TABLE delivery (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  access_grant BLOB NOT NULL REFERENCES access_grant (id),
  person BLOB NOT NULL,
  end_ms INTEGER NOT NULL,
  idx INTEGER NOT NULL REFERENCES entry (idx)
) STRICT;
CREATE UNIQUE INDEX delivery_idx ON delivery (idx);

CREATE TABLE delivery_batch (
  delivery BLOB NOT NULL REFERENCES delivery (id),
  batch BLOB NOT NULL,
  PRIMARY KEY (delivery, batch)
) STRICT;
