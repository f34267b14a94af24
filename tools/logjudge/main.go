// Command logjudge is what the public Go libraries of certificate transparency make of a log.
//
//	logjudge rfc6962 -url URL -key KEY   certificate-transparency-go's client over all of RFC 6962 section 4
//	logjudge tiles -url URL -key KEY     golang.org/x/mod/sumdb/tlog over the log's tiles
//	logjudge proofs                      github.com/transparency-dev/merkle over proofs on standard input
//
// The first two print one JSON object: what was looked at, and what is wrong with it. No faults: the log is good.
package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// maxFaults is where a judge stops: one is enough to condemn a log, a few more tell why.
const maxFaults = 20

// verdict is what a judge says of a log.
type verdict struct {
	// Judged counts what was looked at, by what it is.
	Judged map[string]int `json:"judged"`
	Faults []string       `json:"faults"`
}

func newVerdict() *verdict {
	return &verdict{Judged: map[string]int{}, Faults: []string{}}
}

// check counts a thing looked at; err is what is wrong with it.
func (v *verdict) check(what string, err error) {
	v.Judged[what]++
	if err != nil && len(v.Faults) < maxFaults {
		v.Faults = append(v.Faults, fmt.Sprintf("%s: %v", what, err))
	}
}

// subject is the log to be judged.
type subject struct {
	url, origin string
	// key is a SubjectPublicKeyInfo, DER.
	key []byte
	// samples is how many random questions of each kind are asked.
	samples int
	seed    int64
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: logjudge rfc6962|tiles|proofs"))
	}
	if os.Args[1] == "proofs" {
		judgeProofs(os.Stdin, os.Stdout)
		return
	}
	judges := map[string]func(subject, *verdict) error{"rfc6962": judgeRFC6962, "tiles": judgeTiles}
	judge, ok := judges[os.Args[1]]
	if !ok {
		fail(fmt.Errorf("no judge is called %q", os.Args[1]))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var s subject
	var key string
	flags.StringVar(&s.url, "url", "", "URL of the log")
	flags.StringVar(&s.origin, "origin", "", "origin of the log's checkpoints")
	flags.StringVar(&key, "key", "", "the log's P-256 key: base64 of its SubjectPublicKeyInfo")
	flags.IntVar(&s.samples, "samples", 200, "random questions of each kind")
	flags.Int64Var(&s.seed, "seed", 20261122, "seed of the random questions")
	_ = flags.Parse(os.Args[2:])
	var err error
	if s.key, err = base64.StdEncoding.DecodeString(key); err != nil {
		fail(err)
	}
	if _, err := x509.ParsePKIXPublicKey(s.key); err != nil {
		fail(err)
	}
	v := newVerdict()
	if err := judge(s, v); err != nil {
		v.check("log", err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
