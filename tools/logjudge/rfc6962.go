package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// readLog is a log as get-entries told it.
type readLog struct {
	sth    *ct.SignedTreeHead
	leaves [][]byte
	hashes [][]byte
	// roots has the root of each size that is asked about.
	roots map[uint64][]byte
}

// judgeRFC6962 reads the whole log through certificate-transparency-go's client, and asks for proofs at random.
func judgeRFC6962(s subject, v *verdict) error {
	ctx := context.Background()
	http := &http.Client{Timeout: 30 * time.Second}
	log, err := client.New(s.url, http, jsonclient.Options{PublicKeyDER: s.key, UserAgent: "logjudge"})
	if err != nil {
		return err
	}
	accepted, err := acceptedRoots(ctx, log, v)
	if err != nil {
		return err
	}
	// The client verifies the signature by itself, since it has the key.
	sth, err := log.GetSTH(ctx)
	v.check("get-sth", err)
	if err != nil {
		return err
	}
	if sth.TreeSize < 2 {
		return errors.New("a log of less than two entries shows nothing")
	}
	questions := drawQuestions(s, sth.TreeSize)
	entries := &entryJudge{accepted: accepted, chains: map[[32]byte]judgedChain{}}
	read := &readLog{sth: sth, roots: map[uint64][]byte{}}
	if err := read.readEntries(ctx, log, entries.judge, v, questions); err != nil {
		return err
	}
	root := read.roots[sth.TreeSize]
	if !bytes.Equal(root, sth.SHA256RootHash[:]) {
		return fmt.Errorf("the entries have root %x, the tree head says %x", root, sth.SHA256RootHash)
	}
	for _, q := range questions {
		v.check("get-sth-consistency", judgeConsistency(ctx, log, read, q))
		v.check("get-proof-by-hash", judgeProofByHash(ctx, log, read, q))
		v.check("get-entry-and-proof", judgeEntryAndProof(ctx, log, read, q))
	}
	judgeRefusals(ctx, log, sth.TreeSize, v)
	return nil
}

// asked is a question at random: an index and a size of the tree that holds it, and a later size.
type asked struct{ index, size, later uint64 }

func drawQuestions(s subject, treeSize uint64) []asked {
	random := rand.New(rand.NewSource(s.seed))
	questions := []asked{{0, 1, treeSize}, {treeSize - 1, treeSize, treeSize}, {0, treeSize, treeSize}}
	for len(questions) < s.samples {
		size := 1 + uint64(random.Int63n(int64(treeSize)))
		later := size + uint64(random.Int63n(int64(treeSize-size+1)))
		questions = append(questions, asked{uint64(random.Int63n(int64(size))), size, later})
	}
	return questions
}

func acceptedRoots(ctx context.Context, log *client.LogClient, v *verdict) (map[[32]byte]bool, error) {
	roots, err := log.GetAcceptedRoots(ctx)
	if err == nil && len(roots) == 0 {
		err = errors.New("none")
	}
	v.check("get-roots", err)
	accepted := map[[32]byte]bool{}
	for _, root := range roots {
		accepted[sha256.Sum256(root.Data)] = true
	}
	return accepted, err
}

// readEntries reads every entry and takes down the roots of all sizes that the questions name.
func (r *readLog) readEntries(ctx context.Context, log *client.LogClient, judge func(*ct.LogEntry) error, v *verdict, questions []asked) error {
	wanted := map[uint64]bool{r.sth.TreeSize: true}
	for _, q := range questions {
		wanted[q.size], wanted[q.later] = true, true
	}
	hasher := rfc6962.DefaultHasher
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for tree.End() < r.sth.TreeSize {
		answer, err := log.GetRawEntries(ctx, int64(tree.End()), int64(r.sth.TreeSize-1))
		if err != nil {
			return fmt.Errorf("get-entries from %d: %w", tree.End(), err)
		}
		if len(answer.Entries) == 0 {
			return fmt.Errorf("get-entries from %d: no entries", tree.End())
		}
		for i := range answer.Entries {
			leaf := &answer.Entries[i]
			entry, err := ct.LogEntryFromLeaf(int64(tree.End()), leaf)
			if !ctx509.IsFatal(err) {
				err = judge(entry)
			}
			if err != nil {
				err = fmt.Errorf("%d: %w", tree.End(), err)
			}
			v.check("get-entries", err)
			// The client's own helper would leave out the extensions of the leaf.
			hash := hasher.HashLeaf(leaf.LeafInput)
			r.leaves = append(r.leaves, leaf.LeafInput)
			r.hashes = append(r.hashes, hash)
			if err := tree.Append(hash, nil); err != nil {
				return err
			}
			if wanted[tree.End()] {
				root, err := tree.GetRootHash(nil)
				if err != nil {
					return err
				}
				r.roots[tree.End()] = root
			}
		}
	}
	return nil
}

// entryJudge looks at entries; it judges each chain of issuers once.
type entryJudge struct {
	accepted map[[32]byte]bool
	chains   map[[32]byte]judgedChain
}

type judgedChain struct {
	first *ctx509.Certificate
	err   error
}

// judge looks at the precertificate of an entry, its chain up to an accepted root, and the issuer's key hash.
func (j *entryJudge) judge(entry *ct.LogEntry) error {
	digest := sha256.New()
	for _, raw := range entry.Chain {
		fmt.Fprintf(digest, "%d ", len(raw.Data))
		digest.Write(raw.Data)
	}
	name := [32]byte(digest.Sum(nil))
	chain, ok := j.chains[name]
	if !ok {
		chain.first, chain.err = j.judgeChain(entry.Chain)
		j.chains[name] = chain
	}
	if chain.err != nil {
		return chain.err
	}
	return judgeCertificate(entry, chain.first)
}

// judgeChain follows a chain up to an accepted root, and gives its first certificate.
func (j *entryJudge) judgeChain(chain []ct.ASN1Cert) (*ctx509.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("no chain")
	}
	parsed := make([]*ctx509.Certificate, len(chain))
	for i, raw := range chain {
		certificate, err := ctx509.ParseCertificate(raw.Data)
		if ctx509.IsFatal(err) {
			return nil, fmt.Errorf("chain: %w", err)
		}
		parsed[i] = certificate
	}
	if !j.accepted[sha256.Sum256(parsed[len(parsed)-1].Raw)] {
		return nil, errors.New("the chain does not end in an accepted root")
	}
	for i, certificate := range parsed[:len(parsed)-1] {
		if err := certificate.CheckSignatureFrom(parsed[i+1]); err != nil {
			return nil, fmt.Errorf("chain: %w", err)
		}
	}
	return parsed[0], nil
}

func judgeCertificate(entry *ct.LogEntry, issuer *ctx509.Certificate) error {
	submitted, issuerKeyHash, err := submittedCertificate(entry)
	if err != nil {
		return err
	}
	if issuerKeyHash != nil && *issuerKeyHash != sha256.Sum256(issuer.RawSubjectPublicKeyInfo) {
		return errors.New("the issuer key hash is not of the first issuer")
	}
	return submitted.CheckSignatureFrom(issuer)
}

func submittedCertificate(entry *ct.LogEntry) (*ctx509.Certificate, *[32]byte, error) {
	if entry.Precert == nil {
		return entry.X509Cert, nil, nil
	}
	submitted, err := ctx509.ParseCertificate(entry.Precert.Submitted.Data)
	if ctx509.IsFatal(err) {
		return nil, nil, err
	}
	logged, err := ctx509.RemoveCTPoison(submitted.RawTBSCertificate)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(logged, entry.Leaf.TimestampedEntry.PrecertEntry.TBSCertificate) {
		return nil, nil, errors.New("the logged TBSCertificate is not the precertificate's without its poison")
	}
	return submitted, &entry.Precert.IssuerKeyHash, nil
}

func judgeConsistency(ctx context.Context, log *client.LogClient, read *readLog, q asked) error {
	path, err := log.GetSTHConsistency(ctx, q.size, q.later)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, q.size, q.later, path, read.roots[q.size], read.roots[q.later])
}

func judgeProofByHash(ctx context.Context, log *client.LogClient, read *readLog, q asked) error {
	hash := read.hashes[q.index]
	answer, err := log.GetProofByHash(ctx, hash, q.size)
	if err != nil {
		return err
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(answer.LeafIndex), q.size, hash, answer.AuditPath, read.roots[q.size])
}

func judgeEntryAndProof(ctx context.Context, log *client.LogClient, read *readLog, q asked) error {
	answer, err := log.GetEntryAndProof(ctx, q.index, q.size)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.LeafInput, read.leaves[q.index]) {
		return errors.New("not the leaf that get-entries gave")
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, q.index, q.size, read.hashes[q.index], answer.AuditPath, read.roots[q.size])
}

// judgeRefusals asks for what the log does not have.
func judgeRefusals(ctx context.Context, log *client.LogClient, treeSize uint64, v *verdict) {
	unknown := sha256.Sum256([]byte("no leaf of any log"))
	_, err := log.GetProofByHash(ctx, unknown[:], treeSize)
	v.check("refusal of an unknown hash", refused(err))
	_, err = log.GetSTHConsistency(ctx, 1, treeSize+1_000_000)
	v.check("refusal of consistency with a tree to come", refused(err))
	_, err = log.GetEntryAndProof(ctx, treeSize+1_000_000, treeSize)
	v.check("refusal of an index beyond its tree", refused(err))
	_, err = log.GetRawEntries(ctx, int64(treeSize+1_000_000), int64(treeSize+1_000_001))
	v.check("refusal of entries to come", refused(err))
}

func refused(err error) error {
	var answer jsonclient.RspError
	if errors.As(err, &answer) && answer.StatusCode >= 400 && answer.StatusCode < 500 {
		return nil
	}
	return fmt.Errorf("answered with %v", err)
}
