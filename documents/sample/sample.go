// Package sample makes believable files for demo data, benchmarks and tests:
// documents as applicants upload them. It imports nothing of ours.
package sample
