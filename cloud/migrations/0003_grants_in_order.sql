-- An organisation's grants are read page by page, in order of the log.
DROP INDEX access_grant_organisation;
CREATE INDEX access_grant_organisation ON access_grant (organisation, idx);
