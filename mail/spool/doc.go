// Package spool keeps messages we have answered 250 for until each recipient is settled.
package spool
