package queue

import "container/heap"

// alarm is a time at which an item becomes due or a line is to be looked at. Alarms are never removed: one
// that does not agree with what it names any more is ignored when it comes.
type alarm struct {
	at   int64 // milliseconds
	item *item
	line *line
}

// alarms is a heap, the earliest first.
type alarms []alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at < a[j].at }
func (a alarms) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)        { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	n := len(old) - 1
	x := old[n]
	old[n] = alarm{}
	*a = old[:n]
	return x
}

func (a *alarms) set(x alarm) (first bool) {
	heap.Push(a, x)
	return (*a)[0] == x
}

func (a *alarms) next() alarm { return heap.Pop(a).(alarm) }
