// Package house holds no code: it is the root of the tree, where arch_test.go and tidy_test.go keep the rules
// of the house (who may import whom, what every package must say of itself).
package house
