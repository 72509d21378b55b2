package mailbox

import (
	"testing"

	"barid/mail"
)

// TestGrantsOfPostAreForgotten: rows written when p was kept are read without it, and an identifier that had nothing else is gone.
func TestGrantsOfPostAreForgotten(t *testing.T) {
	row := encodeGrants([]Grant{
		{Account: 0, Rights: RightPost},
		{Account: mail.AccountID(8), Rights: RightLookup | RightPost},
	})
	gs, err := decodeGrants(row)
	if err != nil || len(gs) != 1 || gs[0] != (Grant{Account: 8, Rights: RightLookup}) {
		t.Errorf("%+v, %v", gs, err)
	}
	if AllRights&RightPost != 0 {
		t.Error("somebody has p")
	}
}
