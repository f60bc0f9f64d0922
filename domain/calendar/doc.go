// Package calendar counts working time: the business calendar on which
// deadlines for staff run. It is pure: it reads no clock. It imports the
// standard library and domain/fault only.
//
// Making a Calendar reads the time zone database of the machine or of the
// binary, and a later database may know a zone's rules differently. A workflow
// therefore gets instants that an activity or the service worked out, and never
// works them out itself.
package calendar
