package imap

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"barid/base/kv"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/store/memory"
)

// TestNotifyOfSharedMailboxes is RFC 5465 §5.4 and §5.9: rights that come and go are mailboxes that do, also of
// owners who shared nothing before.
func TestNotifyOfSharedMailboxes(t *testing.T) {
	w, _ := sharedWorld(t)
	own, c := w.loginAs(otherUser), w.login()
	c.do(`NOTIFY SET STATUS (subtree "Other Users" (MailboxName MessageNew MessageExpunge MailboxMetadataChange)) (subscribed (SubscriptionChange))`)
	own.do("SETACL Projects info@example.test lr")
	c.expect(`* LIST (\HasChildren) "/" ` + projects)
	own.do("APPEND Projects {16+}\r\nSubject: x\r\n\r\nxx")
	c.expect("* STATUS " + projects + " (UIDNEXT 5 MESSAGES 4)")
	own.do(`SETMETADATA Projects (/shared/comment "x" /private/comment "not theirs")`)
	c.expect("* METADATA " + projects + " /shared/comment")
	w.login().do("SUBSCRIBE " + projects)
	c.expect(`* LIST (\Subscribed \HasChildren) "/" ` + projects)
	own.do("RENAME Projects Things")
	c.expect(`* LIST (\HasChildren) "/" "Other Users/demo@example.test/Things" ("OLDNAME" ("Other Users/demo@example.test/Projects"))`)
	own.do("SETACL Things info@example.test r") // no longer to be seen
	c.expect(`* LIST (\NonExistent) "/" "Other Users/demo@example.test/Things"`)
	own.do("APPEND Things {16+}\r\nSubject: x\r\n\r\nxx")
	own.do("SETACL Things info@example.test l") // seen, but not to be read
	c.expect(`* LIST (\NoAccess \HasChildren) "/" "Other Users/demo@example.test/Things"`)
	own.do("APPEND Things {16+}\r\nSubject: x\r\n\r\nxx")
	wantLines(t, c.do("NOOP"), "-STATUS")
	wantLines(t, c.do(`NOTIFY SET STATUS (subtree "Other Users" (MessageNew MessageExpunge))`),
		`* LIST (\NoAccess \HasChildren) "/" "Other Users/demo@example.test/Things"`, "-STATUS")
	own.do("SETACL Things info@example.test lr") // to be read again, which is told though MailboxName is not asked for
	c.expect(`* LIST (\HasChildren) "/" "Other Users/demo@example.test/Things"`)
	own.do("APPEND Things {16+}\r\nSubject: x\r\n\r\nxx")
	c.expect(`* STATUS "Other Users/demo@example.test/Things" (UIDNEXT 8 MESSAGES 7)`)
	own.do("SETACL Things info@example.test l")
	c.expect(`* LIST (\NoAccess \HasChildren) "/" "Other Users/demo@example.test/Things"`)
}

// TestOwnerWhoIsRemoved: the mailboxes of an account that is removed are gone, and all others go on to be told of.
func TestOwnerWhoIsRemoved(t *testing.T) {
	w, owner := sharedWorld(t)
	r, _ := mailbox.ParseRights("lr")
	must(t, owner.SetGrant(t.Context(), "Projects", mailbox.Grant{Account: w.id, Rights: r}, mailbox.Replace))
	c, quiet := w.login(), w.login()
	quiet.do("ENABLE METADATA")
	c.do(`NOTIFY SET (subtree "Other Users" (MailboxName MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))`)
	who, err := w.imap.Accounts.ByName(t.Context(), otherUser)
	must(t, err)
	must(t, owner.Remove(t.Context()))
	must(t, w.imap.Accounts.(*account.Directory).RemoveAccount(t.Context(), who.ID))
	c.expect(`* LIST (\NonExistent) "/" ` + projects)
	for range 2 {
		w.deliver("Archive", []byte("Subject: x\r\n\r\n"))
		c.expect("* STATUS Archive ...")
		sameLines(t, c.do("NOOP"), []string{"OK NOOP completed"})
		sameLines(t, quiet.do("NOOP"), []string{"OK NOOP completed"})
	}
}

// TestAnnotationsOfOthersAreTold is RFC 5464 §4.4: ENABLE METADATA means the mailboxes that others share, too.
func TestAnnotationsOfOthersAreTold(t *testing.T) {
	w, _ := sharedWorld(t)
	own, c := w.loginAs(otherUser), w.login()
	c.do("ENABLE METADATA")
	own.do("SETACL Projects info@example.test lr")
	c.do("NOOP") // from here on it is watched
	own.do(`SETMETADATA Projects (/shared/comment "x" /private/comment "not theirs")`)
	sameLines(t, c.do("NOOP"), []string{"* METADATA " + projects + " /shared/comment", "OK NOOP completed"})
	c.do(`SETMETADATA %s (/shared/comment "y")`, projects)
	own.do("SETACL Projects info@example.test l")
	own.do(`SETMETADATA Projects (/shared/comment "z")`)
	sameLines(t, c.do("NOOP"), []string{"OK NOOP completed"})
}

// TestMetadataAndNotifyTogether: neither ENABLE METADATA nor NOTIFY SET forgets what the other one asked for.
func TestMetadataAndNotifyTogether(t *testing.T) {
	w := newWorld(t, nil)
	own, c := w.login(), w.login()
	own.do("APPEND Archive {16+}\r\nSubject: x\r\n\r\nxx")
	c.do("ENABLE METADATA")
	own.do(`SETMETADATA Archive (/shared/comment "x")`)
	wantLines(t, c.do("NOTIFY SET (personal (MessageNew MessageExpunge))"), "* METADATA Archive /shared/comment")

	other := w.login()
	other.do("NOTIFY SET (personal (MessageNew MessageExpunge))")
	other.do("ENABLE METADATA")
	own.do("SELECT Archive")
	own.do(`STORE 1 +FLAGS (\Seen)`) // which is no event, and the figures are known
	wantLines(t, other.do("NOOP"), "-STATUS")
	own.do(`SETMETADATA Archive (/shared/comment "y")`)
	other.expect("* METADATA Archive /shared/comment")
}

// TestNotifyOverflow is RFC 5465 §5.8: what is too much to keep is said to be.
func TestNotifyOverflow(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.do("ENABLE METADATA")
	c.do("CREATE x")
	for _, box := range []string{"INBOX", "x"} {
		for i := range 200 {
			must(t, w.acct.Annotate(t.Context(), mailbox.Whose{Mailbox: box, Reader: w.id},
				[]mailbox.Annotation{{Entry: fmt.Sprintf("/shared/%d", i), Value: []byte("x")}}))
		}
	}
	wantLines(t, c.do("NOOP"), "* OK [NOTIFICATIONOVERFLOW] there is too much to tell, ask again", "-METADATA")
	must(t, w.acct.Annotate(t.Context(), mailbox.Whose{Mailbox: "x", Reader: w.id},
		[]mailbox.Annotation{{Entry: "/shared/1", Value: []byte("y")}}))
	wantLines(t, c.do("NOOP"), "* METADATA x /shared/1")
	// and what is too much to begin with is refused (§3.1)
	names := strings.Repeat(" x", maxNotifyNames+1)[1:]
	wantLines(t, c.try("NOTIFY SET (mailboxes (%s) (MailboxName))", names), "NO [NOTIFICATIONOVERFLOW] too much to watch")
}

// TestNotifyEndsAtOverflow is RFC 5465 §5.8: after it, nothing is told any more, as after NOTIFY NONE.
func TestNotifyEndsAtOverflow(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.do("CREATE x")
	c.do("SELECT INBOX")
	c.do("NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MailboxMetadataChange))")
	c.send("a APPEND Sent {16}\r\n") // while the server waits for the message, it tells nothing
	c.expect("+ go ahead")
	for _, box := range []string{"INBOX", "x"} {
		for i := range 200 {
			must(t, w.acct.Annotate(t.Context(), mailbox.Whose{Mailbox: box, Reader: w.id},
				[]mailbox.Annotation{{Entry: fmt.Sprintf("/shared/%d", i), Value: []byte("x")}}))
		}
	}
	c.send("Subject: x\r\n\r\nxx\r\n")
	c.expect("* OK [NOTIFICATIONOVERFLOW] there is too much to tell, ask again")
	c.expect("a OK ...")
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	sameLines(t, c.do("NOOP"), []string{"OK NOOP completed"})
	wantLines(t, c.do("NOTIFY SET (selected (MessageNew MessageExpunge))"), "* 1 EXISTS") // and it may be asked again
}

// TestUpdatesComeWithItems is RFC 5465 §7: UPDATE may ask for items of messages that come into a result, and the FETCH is between
// EXISTS and ESEARCH; together with MessageNew it is one FETCH.
func TestUpdatesComeWithItems(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.do("SELECT INBOX")
	c.do(`UID SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (SUBJECT)])) SUBJECT boss`)
	w.deliver("INBOX", []byte("Subject: other\r\n\r\n"))
	w.deliver("INBOX", []byte("Subject: boss\r\n\r\n"))
	sameLines(t, c.do("NOOP"), []string{
		"* 2 EXISTS", "* 2 RECENT",
		"* 2 FETCH (UID 2 BODY[HEADER.FIELDS (SUBJECT)] {17}", "Subject: boss", "", ")",
		`* ESEARCH (TAG "t3") UID ADDTO (0 2)`, "OK NOOP completed",
	})
	wantLines(t, c.do("FETCH 1:2 FLAGS"), `* 2 FETCH (FLAGS (\Recent))`) // nothing became \Seen
	c.do("NOTIFY SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge FlagChange))")
	sameLines(t, c.do("APPEND INBOX {17+}\r\nSubject: boss\r\n\r\n"), []string{
		"* 3 EXISTS", "* 3 RECENT", `* ESEARCH (TAG "t3") UID ADDTO (0 3)`, "OK " + "[APPENDUID " + fmt.Sprint(validity(t, w)) + " 3] APPEND completed",
	})
	w.deliver("INBOX", []byte("Subject: boss\r\n\r\n"))
	for _, l := range []string{
		"* 4 EXISTS", "* 4 RECENT",
		`* 4 FETCH (UID 4 FLAGS (\Recent) BODY[HEADER.FIELDS (SUBJECT)] {17}`, "Subject: boss", "", ")",
		`* ESEARCH (TAG "t3") UID ADDTO (0 4)`,
	} {
		c.expect(l)
	}
}

// TestNoticesEndWithTheLogin: another login on the same connection (RFC 8437) hears nothing of the mailboxes of the one before.
func TestNoticesEndWithTheLogin(t *testing.T) {
	w := newWorld(t, nil)
	w.addAccount(otherUser)
	c := w.login()
	c.do("NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))")
	c.do("UNAUTHENTICATE")
	w.deliver("Archive", []byte("Subject: x\r\n\r\n"))
	sameLines(t, c.do("NOOP"), []string{"OK NOOP completed"})
	c.do(`LOGIN %s "%s"`, otherUser, testPassword)
	w.deliver("Archive", []byte("Subject: x\r\n\r\n"))
	sameLines(t, c.do("NOOP"), []string{"OK NOOP completed"})
	c.do("SELECT INBOX")
	w.loginAs(otherUser).do("APPEND INBOX {16+}\r\nSubject: x\r\n\r\nxx")
	wantLines(t, c.do("NOOP"), "* 1 EXISTS") // told as if NOTIFY had never come
}

// TestOwnChangesAreNoNews is RFC 5465 §5: what a client does by itself to a mailbox that is not selected it is not told, but what
// another does there at the same time it is.
func TestOwnChangesAreNoNews(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c := w.login()
	c.do("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))")
	sameLines(t, c.do("APPEND Archive {16+}\r\nSubject: x\r\n\r\nxx"), []string{"OK [APPENDUID ... 1] APPEND completed"})
	c.do("SELECT INBOX")
	sameLines(t, c.do("COPY 1 Archive"), []string{"OK [COPYUID ... 1 2] COPY completed"})
	sameLines(t, c.do("MOVE 1 Archive"), []string{"* OK [COPYUID ... 1 3] ...", "* 1 EXPUNGE", "OK MOVE completed"})
	sameLines(t, c.do("UNSELECT"), []string{"OK UNSELECT completed"})
	w.deliver("Archive", []byte("Subject: x\r\n\r\n"))
	c.expect("* STATUS Archive (UIDNEXT 5 MESSAGES 4 UNSEEN 4 UIDVALIDITY ...)")
	c.do("APPEND Sent {16+}\r\nSubject: x\r\n\r\nxx")
	c.do("RENAME Sent Posted")
	sameLines(t, c.do("DELETE Posted"), []string{"OK DELETE completed"})
}

func validity(t *testing.T, w *world) uint32 {
	st, err := w.acct.Status(t.Context(), "INBOX")
	must(t, err)
	return st.UIDValidity
}

// TestNoNoticeIsMissed: many mailboxes get mail at once, and every one is told in the end.
func TestNoNoticeIsMissed(t *testing.T) {
	const boxes, each = 20, 10
	w := newWorld(t, nil)
	c := w.login()
	for i := range boxes {
		c.do("CREATE box%d", i)
	}
	c.do("NOTIFY SET (personal (MessageNew MessageExpunge))")
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			for range each {
				w.deliver(fmt.Sprintf("box%d", i), []byte("Subject: x\r\n\r\n"))
			}
		})
	}
	done := map[string]bool{}
	for len(done) < boxes {
		var box, next, messages int
		if n, _ := fmt.Sscanf(c.line(), "* STATUS box%d (UIDNEXT %d MESSAGES %d)", &box, &next, &messages); n != 3 {
			t.Fatal("not a STATUS")
		}
		if messages == each {
			done[fmt.Sprint(box)] = true
		}
	}
	wg.Wait()
}

// TestNotifyTellsWhatHadToWait: an EXPUNGE that SELECTED-DELAYED held back is told as STATUS when the mailbox is left (RFC
// 5465 §5.3, §6.1.2), and with it all that others and the client itself changed.
func TestNotifyTellsWhatHadToWait(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
	c, other := w.login(), w.login()
	c.do("SELECT INBOX")
	c.do("NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge FlagChange))")
	other.do("SELECT INBOX")
	other.do(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	other.do("EXPUNGE")
	c.do("UNSELECT")
	c.expect("* STATUS INBOX (UIDNEXT 2 MESSAGES 0 UNSEEN 0 UIDVALIDITY ...")
	c.do("APPEND INBOX {16+}\r\nSubject: x\r\n\r\nxx") // its own: one that is not seen
	other.do("NOOP")
	other.do("STORE 1 +FLAGS.SILENT (\\Seen)")
	c.expect("* STATUS INBOX (UIDNEXT 3 MESSAGES 1 UNSEEN 0 UIDVALIDITY ...")
}

// TestNamesAboveAreToldOnce: CREATE of a name and the one above it tells each once.
func TestNamesAboveAreToldOnce(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	c.do("NOTIFY SET (personal (MailboxName))")
	w.login().do("CREATE a/b/c")
	for _, name := range []string{`(\HasChildren) "/" a`, `(\HasChildren) "/" a/b`, `(\HasNoChildren) "/" a/b/c`} {
		c.expect("* LIST " + name)
	}
	wantLines(t, c.do("NOOP"), "-LIST")
}

// TestNotifyOfNamesThatMoveAlong: a name that moves with one above it is an event if the client is not told of that one.
func TestNotifyOfNamesThatMoveAlong(t *testing.T) {
	w := newWorld(t, nil)
	c, other := w.login(), w.login()
	other.do("CREATE a/b")
	c.do("NOTIFY SET (mailboxes a/b (MailboxName))")
	other.do("RENAME a c")
	c.expect(`* LIST (\HasNoChildren) "/" c/b ("OLDNAME" (a/b))`)
	other.do("RENAME c a")
	c.expect(`* LIST (\HasNoChildren) "/" a/b ("OLDNAME" (c/b))`)
	wantLines(t, c.do("RENAME a c"), "-LIST") // its own doing
}

// failingStore is a store that fails while failing is set, but for the first spare transactions.
type failingStore struct {
	engine
	failing atomic.Bool
	spare   atomic.Int64
}

func (f *failingStore) err() error {
	if f.failing.Load() && f.spare.Add(-1) < 0 {
		return kv.ErrUnavailable
	}
	return nil
}

func (f *failingStore) View(ctx context.Context, p kv.Part, do func(kv.Reader) error) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.engine.View(ctx, p, do)
}

func (f *failingStore) Update(ctx context.Context, p kv.Part, do func(kv.Txn) error) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.engine.Update(ctx, p, do)
}

// TestNotifyThatFailsChangesNothing: wherever the store fails, what was watched before still is.
func TestNotifyThatFailsChangesNothing(t *testing.T) {
	refused := 0
	for spare := int64(0); ; spare++ {
		store := &failingStore{engine: memory.New()}
		w := newWorldOn(t, store, slog.LevelError, nil)
		for i := range 3 {
			w.deliver(fmt.Sprintf("Box%d", i), []byte("Subject: x\r\n\r\n"))
		}
		w.mail.Close()
		w.mail = mailbox.Open(store, store, mailbox.Options{}) // nothing is in memory
		w.imap.Mail = w.mail
		c := w.login()
		c.do("SELECT INBOX")
		c.do("NOTIFY SET (selected (MessageNew MessageExpunge))")
		store.spare.Store(spare)
		store.failing.Store(true)
		lines := c.try("NOTIFY SET STATUS (personal (MailboxName MessageNew MessageExpunge))")
		store.failing.Store(false)
		if last := lines[len(lines)-1]; strings.HasPrefix(last, "OK") {
			break
		}
		refused++
		w.deliver("Box1", []byte("Subject: x\r\n\r\n"))
		w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
		c.expect("* 1 EXISTS")
	}
	if refused == 0 {
		t.Error("nothing failed")
	}
	t.Logf("refused %d times", refused)
}
