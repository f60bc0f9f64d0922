#!/bin/sh
# Makes the roles and databases of Kibali and of Temporal in a new cluster. Run
# once, by the PostgreSQL image, as the superuser.
#
# kibali_owner owns the schema and runs migrations; serve and worker connect as
# kibali_app, to which the migrations grant what it needs and no more.
set -eu

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
	-v owner="$KIBALI_OWNER_PASSWORD" -v app="$KIBALI_APP_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE kibali_owner LOGIN PASSWORD :'owner';
CREATE ROLE kibali_app LOGIN PASSWORD :'app';
CREATE DATABASE kibali OWNER kibali_owner;
REVOKE ALL ON DATABASE kibali FROM PUBLIC;
GRANT CONNECT ON DATABASE kibali TO kibali_app;

CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
SQL
