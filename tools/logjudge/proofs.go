package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// question is one proof: of inclusion when Leaf is there, else of consistency between Size1 and Size2.
type question struct {
	Index uint64   `json:"index"`
	Size1 uint64   `json:"size1"`
	Size2 uint64   `json:"size2"`
	Leaf  []byte   `json:"leaf"`
	Root1 []byte   `json:"root1"`
	Root2 []byte   `json:"root2"`
	Proof [][]byte `json:"proof"`
}

// judgeProofs answers each JSON object of a line with a line: 1 for a proof that holds, 0 for one that does not.
func judgeProofs(in io.Reader, out io.Writer) {
	lines := bufio.NewReaderSize(in, 1<<20)
	answers := bufio.NewWriterSize(out, 1<<16)
	defer answers.Flush()
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			fail(err)
		}
		if holds(q) == nil {
			fmt.Fprintln(answers, 1)
		} else {
			fmt.Fprintln(answers, 0)
		}
		if lines.Buffered() == 0 {
			answers.Flush()
		}
	}
}

func holds(q question) error {
	if q.Leaf != nil {
		return proof.VerifyInclusion(rfc6962.DefaultHasher, q.Index, q.Size2, q.Leaf, q.Proof, q.Root2)
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, q.Size1, q.Size2, q.Proof, q.Root1, q.Root2)
}
