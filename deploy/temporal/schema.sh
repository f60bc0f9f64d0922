#!/bin/sh
# Brings Temporal's two databases up to the schema of this version of its tools.
# Safe to run again: what is there already is left as it is.
set -eu

for database in temporal temporal_visibility; do
	case $database in
	temporal) schema=postgresql/v12/temporal ;;
	temporal_visibility) schema=postgresql/v12/visibility ;;
	esac
	echo "schema of $database"
	temporal-sql-tool --database "$database" setup-schema --version 0.0
	temporal-sql-tool --database "$database" update-schema --schema-name "$schema"
done
