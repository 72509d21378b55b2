package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// DefaultTimeout is how long one check may take at one stage.
const DefaultTimeout = 5 * time.Second

// Runner runs a chain of checks stage by stage. Make it with NewRunner; it is safe for many sessions.
type Runner struct {
	byStage  [stages][]Check
	settings Settings
	metrics  *Metrics
}

// NewRunner gives a runner of chain, whose order is the order of findings. m may be nil.
func NewRunner(chain []Check, s Settings, m *Metrics) *Runner {
	r := &Runner{settings: s, metrics: m}
	for _, c := range chain {
		if st := c.Stage(); st < stages {
			r.byStage[st] = append(r.byStage[st], c)
		}
	}
	if r.settings.Timeout <= 0 {
		r.settings.Timeout = DefaultTimeout
	}
	return r
}

// Run runs the checks of tx.Stage and decides. A nil runner accepts everything.
func (r *Runner) Run(ctx context.Context, tx *Tx) ([]Finding, Decision) {
	if r == nil || tx.Stage >= stages || len(r.byStage[tx.Stage]) == 0 {
		return nil, Decision{}
	}
	fs := r.look(ctx, tx)
	d := Decide(tx, fs, &r.settings)
	r.metrics.decided(tx.Stage, d)
	return fs, d
}

// look gathers the findings of one stage in the order of the chain. Slow checks run at the same time; quick
// ones run here meanwhile.
func (r *Runner) look(ctx context.Context, tx *Tx) []Finding {
	checks := r.byStage[tx.Stage]
	if len(checks) == 1 && quick(checks[0]) {
		return r.one(ctx, checks[0], tx)
	}
	slow := make([]*pending, len(checks))
	for i, c := range checks {
		if !quick(c) {
			slow[i] = r.start(ctx, c, tx)
		}
	}
	quickly := make([][]Finding, len(checks))
	for i, c := range checks {
		if slow[i] == nil {
			quickly[i] = r.one(ctx, c, tx)
		}
	}
	var all []Finding
	for i, c := range checks {
		if slow[i] != nil {
			quickly[i] = r.wait(c, slow[i])
		}
		all = append(all, quickly[i]...)
	}
	return all
}

// pending is a slow check under way.
type pending struct {
	done   chan []Finding
	ctx    context.Context // ends with the check's time
	cancel context.CancelFunc
}

// start runs a slow check in its own goroutine. It gets copies of all that the session may change or use
// again, because a check that does not heed its time outlives the stage.
func (r *Runner) start(ctx context.Context, c Check, tx *Tx) *pending {
	own, client := *tx, *tx.Client
	own.Client, own.Header, own.Accounts = &client, slices.Clone(tx.Header), slices.Clone(tx.Accounts)
	p := &pending{done: make(chan []Finding, 1)}
	p.ctx, p.cancel = context.WithTimeout(ctx, r.settings.Timeout)
	go func() { p.done <- r.one(p.ctx, c, &own) }()
	return p
}

// wait gives the findings of a slow check when it is done or its time is over, whichever is first: a check
// that ignores its context can not hold up the session.
func (r *Runner) wait(c Check, p *pending) []Finding {
	defer p.cancel()
	select {
	case fs := <-p.done:
		return fs
	case <-p.ctx.Done():
	}
	select {
	case fs := <-p.done: // it was done in time; another check kept us
		return fs
	default:
		return []Finding{r.temporary(c, p.ctx.Err())}
	}
}

// one runs c and makes a finding of whatever goes wrong.
func (r *Runner) one(ctx context.Context, c Check, tx *Tx) (fs []Finding) {
	defer func() {
		if p := recover(); p != nil {
			fs = []Finding{r.temporary(c, fmt.Errorf("check %s: panic: %v\n%s", c.Name(), p, debug.Stack()))}
		}
		r.metrics.found(fs)
	}()
	fs, err := c.Run(ctx, tx)
	if err != nil {
		return []Finding{r.temporary(c, err)}
	}
	if len(fs) > MaxFindings {
		fs = fs[:MaxFindings]
	}
	for i := range fs {
		fs[i].Check = c.Name()
	}
	return fs
}

// temporary is the finding of a check that could not do its work.
func (r *Runner) temporary(c Check, err error) Finding {
	reason := "check-failed"
	if errors.Is(err, context.DeadlineExceeded) {
		reason = "check-timeout"
	}
	return Finding{Check: c.Name(), Result: TempError, Reason: reason, Cause: err}
}

func quick(c Check) bool {
	q, ok := c.(Quick)
	return ok && q.Quick()
}
