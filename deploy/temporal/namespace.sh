#!/bin/sh
# Makes the namespace with 90 days of retention, and the search attributes by
# which cases are found. Safe to run again.
set -eu

attempt=0
until temporal operator cluster health >/dev/null 2>&1; do
	attempt=$((attempt + 1))
	if [ "$attempt" -ge 60 ]; then
		echo "Temporal at $TEMPORAL_ADDRESS does not answer" >&2
		exit 1
	fi
	sleep 1
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 2160h
fi

# A namespace that has just been made is not known to every part of the server yet.
attempt=0
until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
	--name AccountId --type Keyword \
	--name CaseStatus --type Keyword \
	--name Reviewer --type Keyword \
	--name Industry --type Keyword \
	--name Deadline --type Datetime; do
	attempt=$((attempt + 1))
	if [ "$attempt" -ge 30 ]; then
		echo "the search attributes cannot be made" >&2
		exit 1
	fi
	sleep 1
done
