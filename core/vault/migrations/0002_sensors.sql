-- What worn devices sent, byte for byte, and which stored readings were taken already. The devices
-- themselves are items.

CREATE TABLE frame (
  id INTEGER PRIMARY KEY,
  sensor BLOB NOT NULL,      -- keyed hash of the device's id
  sealed BLOB NOT NULL       -- frames that came one after the other
) STRICT;
CREATE INDEX frame_sensor ON frame (sensor, id);

CREATE TABLE taken (
  tag BLOB PRIMARY KEY       -- keyed hash of device and reading; stays when the reading is erased
) STRICT, WITHOUT ROWID;
