// Command peers times golang.org/x/mod/sumdb/tlog beside ours: build, all proofs, each proof
// verified. CPU time of the process, one warm-up round, median and least of the others. Prints
// Markdown tables; figures are ns an item.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"sort"
	"syscall"

	"golang.org/x/mod/sumdb/tlog"
)

type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = s[index]
	}
	return out, nil
}

func cpuNs() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func print(title string, items, rounds int, run func()) {
	var times []float64
	for round := 0; round <= rounds; round++ {
		start := cpuNs()
		run()
		if round > 0 {
			times = append(times, float64(cpuNs()-start)/float64(items))
		}
	}
	sort.Float64s(times)
	fmt.Printf("\n## tlog: %s, %d leaves\n\n| | median | least |\n|---|---|---|\n", title, items)
	fmt.Printf("| Go tlog | %.1f | %.1f |\n", times[len(times)/2], times[0])
}

func build(leaves [][]byte) store {
	var hashes store
	for number, leaf := range leaves {
		hashes = append(hashes, must(tlog.StoredHashes(int64(number), leaf, hashes))...)
	}
	return hashes
}

func main() {
	for _, size := range []int{1_000, 10_000, 100_000} {
		rounds := 7
		var leaves [][]byte
		for number := range size {
			hash := sha256.Sum256(fmt.Appendf(nil, "leaf %d", number))
			leaves = append(leaves, hash[:])
		}
		print("build", size, rounds, func() { build(leaves) })
		hashes := build(leaves)
		count := int64(size)
		root := must(tlog.TreeHash(count, hashes))
		proofs := make([]tlog.RecordProof, size)
		print("all proofs", size, rounds, func() {
			for number := range proofs {
				proofs[number] = must(tlog.ProveRecord(count, int64(number), hashes))
			}
		})
		print("verify one by one", size, rounds, func() {
			for number, proof := range proofs {
				leaf := tlog.RecordHash(leaves[number])
				if err := tlog.CheckRecord(proof, count, root, int64(number), leaf); err != nil {
					log.Fatal(err)
				}
			}
		})
	}
}
