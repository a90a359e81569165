-- A session keeps what its subject was at sign-in. Who was signed in signs in again.
DELETE FROM session;
ALTER TABLE session ADD COLUMN kind TEXT NOT NULL DEFAULT 'device'
  CHECK (kind IN ('device', 'certified'));
-- The channel's last seq when the grant's end was first noticed: by the next entry, before it.
ALTER TABLE access_grant ADD COLUMN expired_seq INTEGER;
