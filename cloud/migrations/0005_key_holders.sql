-- Who holds an organisation's HPKE key: its first person brought it, others were handed it sealed.
CREATE TABLE key_holder (
  person BLOB PRIMARY KEY CHECK (length(person) = 16),
  organisation BLOB NOT NULL,
  body TEXT
) STRICT;
INSERT INTO key_holder (person, organisation)
  SELECT subject, organisation FROM certificate c WHERE rowid =
    (SELECT min(f.rowid) FROM certificate f
     WHERE f.organisation = c.organisation AND f.subject <> f.organisation);
