// Package queue decides what is tried when: schedule, back-off, limits of each destination, priority, expiry, hold.
package queue
