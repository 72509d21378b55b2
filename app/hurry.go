package app

import (
	"context"

	"barid/mail"
)

// programPriority is the highest MT-PRIORITY (RFC 6710 §3) that a program may ask for: somebody waits for its message,
// a code to log in with or an alarm.
const programPriority = 4

// mayHurry tells how far a message may go before those of others: programs some steps, people none. Everybody may
// step back.
func mayHurry(_ context.Context, c *mail.Client) int8 {
	if c.Application != 0 || c.Role == mail.RoleLocal {
		return programPriority
	}
	return 0
}
