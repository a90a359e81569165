-- Vault secrets, grant documents and envelopes count in the quota. The newest secret and the one
-- before it are kept.
DELETE FROM recovery WHERE
  (SELECT count(*) FROM recovery r WHERE r.account = recovery.account AND r.generation > recovery.generation) > 1;
UPDATE account SET used = used
  + (SELECT coalesce(sum(octet_length(r.body)), 0) FROM recovery r WHERE r.account = account.id)
  + (SELECT coalesce(sum(octet_length(g.document)), 0)
     FROM access_grant g JOIN channel c ON c.id = g.channel WHERE c.account = account.id)
  + (SELECT coalesce(sum(octet_length(e.body)), 0) FROM envelope e
     JOIN access_grant g ON g.id = e.access_grant
     JOIN channel c ON c.id = g.channel WHERE c.account = account.id);
