package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// judgeTiles reads the checkpoint and every tile, and lets golang.org/x/mod compute from them what it proves.
func judgeTiles(s subject, v *verdict) error {
	tree, err := readCheckpoint(s)
	v.check("checkpoint", err)
	if err != nil {
		return err
	}
	tiles := &tileReader{url: s.url, kept: map[string][]byte{}}
	hashes := tlog.TileHashReader(tree, tiles)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("the tiles have root %v, the checkpoint says %v", root, tree.Hash)
	}
	v.check("tree hash", err)
	if err != nil {
		return err
	}
	if err := judgeEntryTiles(s, tree, hashes, v); err != nil {
		return err
	}
	random := rand.New(rand.NewSource(s.seed))
	for range s.samples {
		size := 1 + random.Int63n(tree.N)
		v.check("record proof", judgeRecord(tree, hashes, random.Int63n(tree.N)))
		v.check("tree proof", judgeTree(tree, hashes, size))
	}
	v.Judged["hash tiles"] = len(tiles.kept)
	return nil
}

func judgeRecord(tree tlog.Tree, hashes tlog.HashReader, index int64) error {
	path, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return err
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, leaf[0])
}

func judgeTree(tree tlog.Tree, hashes tlog.HashReader, size int64) error {
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return err
	}
	path, err := tlog.ProveTree(tree.N, size, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, tree.N, tree.Hash, size, root)
}

// readCheckpoint verifies the tree head signature of the checkpoint (C2SP static-ct-api, "Checkpoints").
func readCheckpoint(s subject) (tlog.Tree, error) {
	signed, err := get(s.url + "/checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	key, err := x509.ParsePKIXPublicKey(s.key)
	if err != nil {
		return tlog.Tree{}, err
	}
	text, err := fnote.RFC6962VerifierString(s.origin, key)
	if err != nil {
		return tlog.Tree{}, err
	}
	verifier, err := fnote.NewRFC6962Verifier(text)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	var tree tlog.Tree
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != s.origin {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", s.origin, opened.Text)
	}
	if _, err := fmt.Sscanf(lines[1], "%d", &tree.N); err != nil {
		return tlog.Tree{}, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	if err == nil && tree.N < 1 {
		err = errors.New("an empty log shows nothing")
	}
	return tree, err
}

// judgeEntryTiles computes every leaf hash again from the entries.
func judgeEntryTiles(s subject, tree tlog.Tree, hashes tlog.HashReader, v *verdict) error {
	issuers := map[[32]byte]bool{}
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		path := strings.Replace(tilePath(tlog.Tile{H: tileHeight, L: 0, N: first >> tileHeight, W: int(width)}), "tile/0/", "tile/data/", 1)
		raw, err := get(s.url + "/" + path)
		if err != nil {
			return err
		}
		rest, err := inflated(raw)
		if err != nil {
			return err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		want, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range indexes {
			var leaf, fingerprints []byte
			if leaf, fingerprints, rest, err = cutEntry(rest); err != nil {
				return fmt.Errorf("%s, entry %d: %w", path, i, err)
			}
			if tlog.RecordHash(leaf) != want[i] {
				err = fmt.Errorf("%d is not what the tree has", first+int64(i))
			}
			v.check("entry", err)
			for ; len(fingerprints) >= 32; fingerprints = fingerprints[32:] {
				issuers[[32]byte(fingerprints)] = true
			}
		}
		if len(rest) != 0 {
			return fmt.Errorf("%s: bytes after the last entry", path)
		}
		v.check("data tile", nil)
	}
	for fingerprint := range issuers {
		issuer, err := get(fmt.Sprintf("%s/issuer/%x", s.url, fingerprint))
		if err == nil && sha256.Sum256(issuer) != fingerprint {
			err = fmt.Errorf("%x is another certificate", fingerprint)
		}
		v.check("issuer", err)
	}
	return nil
}

// cutEntry takes a TileLeaf off the front of a data tile (C2SP static-ct-api, "Log Entries").
func cutEntry(tile []byte) (leaf, fingerprints, rest []byte, err error) {
	at := 0
	skip := func(n int) { at += n }
	skipVector := func(lengthBytes int) {
		if at+lengthBytes > len(tile) {
			at = len(tile) + 1
			return
		}
		length := 0
		for _, b := range tile[at : at+lengthBytes] {
			length = length<<8 | int(b)
		}
		at += lengthBytes + length
	}
	if len(tile) < 10 {
		return nil, nil, nil, errors.New("cut short")
	}
	isPrecertificate := binary.BigEndian.Uint16(tile[8:]) == 1
	skip(10)
	if isPrecertificate {
		skip(32)
	}
	skipVector(3)
	skipVector(2)
	leafEnd := at
	if isPrecertificate {
		skipVector(3)
	}
	chainStart := at + 2
	skipVector(2)
	if at > len(tile) {
		return nil, nil, nil, errors.New("cut short")
	}
	return append([]byte{0, 0}, tile[:leafEnd]...), tile[chainStart:at], tile[at:], nil
}

// tileReader fetches hash tiles where C2SP tlog-tiles has them, each once.
type tileReader struct {
	url  string
	kept map[string][]byte
}

func (r *tileReader) Height() int { return tileHeight }

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := tilePath(tile)
		if _, ok := r.kept[path]; !ok {
			read, err := get(r.url + "/" + path)
			if err != nil {
				return nil, err
			}
			r.kept[path] = read
		}
		data[i] = r.kept[path]
	}
	return data, nil
}

// SaveTiles has nothing to do: nothing is kept but in memory.
func (r *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath leaves out the height, which x/mod names and C2SP tlog-tiles does not.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

var reader = &http.Client{Timeout: 30 * time.Second}

func get(url string) ([]byte, error) {
	answer, err := reader.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// inflated undoes gzip, which a data tile may have whatever its header says.
func inflated(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	inflater, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(inflater)
}
