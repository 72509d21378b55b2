// Package crash proves on the real program that what was acknowledged is there, whatever happens to the process,
// the disk or the folder.
//
// Life: outside; tests only. They run the barid binary, kill it under load, fill its disk, damage its files, take
// its backups, and then compare what is there with a ledger of what was promised.
// Promise: everything random comes from a seed that the log shows; BARID_SEED sets it. Limits: with -short nothing
// runs; BARID_SOAK=10m makes TestSoak run that long, BARID_SEEDS=10000 raises the number of kills to 1,000.
// Failure: a test names the message and the promise that was broken.
package crash
