// Package docs runs what the documentation tells people to type, and compares its languages.
//
// Life: outside. Promise: a command in docs/operate that does not work fails here, as do settings that the server does not take. Limits: commands run in a
// temporary folder against a server of their own. Failure: names file and line.
package docs
