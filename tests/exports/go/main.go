// Command judges checks tlog-proofs and consistency proofs with golang.org/x/mod/sumdb (note, tlog),
// and COSE receipts with github.com/veraison/go-cose. It knows nothing of our code.
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type judged struct{ passed, failed int }

func (j *judged) check(name string, err error) {
	if err == nil {
		j.passed++
		return
	}
	j.failed++
	fmt.Printf("FAILED %s: %v\n", name, err)
}

func (j *judged) refuses(name string, err error) {
	if err != nil {
		err = nil
	} else {
		err = errors.New("was accepted")
	}
	j.check(name, err)
}

func main() {
	out := os.Args[1]
	var j judged
	key, err := logKey(filepath.Join(out, "trust.json"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var expected map[string]struct{ Root, Entry string }
	j.check("expected.json", read(filepath.Join(out, "expected.json"), &expected))
	for name, want := range expected {
		text, err := os.ReadFile(filepath.Join(out, name+".tlog-proof"))
		j.check(name, err)
		j.check(name+".tlog-proof", tlogProof(string(text), key, want.Root, want.Entry))
		for _, line := range []string{"index ", "\n\n"} {
			changed := strings.Replace(string(text), line, line+"1", 1)
			j.refuses(name+".tlog-proof, changed after "+line, tlogProof(changed, key, want.Root, want.Entry))
		}
		receipt, err := os.ReadFile(filepath.Join(out, name+".cose"))
		j.check(name, err)
		j.check(name+".cose", coseReceipt(receipt, key, want.Root, want.Entry))
		for at := 0; at < len(receipt); at += 7 {
			changed := bytes.Clone(receipt)
			changed[at] ^= 1
			// what is beside the proof is not part of what COSE signs; it leads to the entry, or not
			j.refuses(fmt.Sprintf("%s.cose, byte %d changed", name, at), coseReceipt(changed, key, want.Root, want.Entry))
		}
	}
	consistency(&j, filepath.Join(out, "consistency.json"))
	fmt.Printf("%d passed, %d failed\n", j.passed, j.failed)
	if j.failed > 0 || j.passed == 0 {
		os.Exit(1)
	}
}

// logKey gives the C2SP vkey of the log.
func logKey(path string) (string, error) {
	var trust struct{ Logs []struct{ Keys []string } }
	if err := read(path, &trust); err != nil {
		return "", err
	}
	return trust.Logs[0].Keys[0], nil
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func tlogProof(text, key, root, entry string) error {
	head, signed, found := strings.Cut(text, "\n\n")
	if !found {
		return errors.New("no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	body := strings.Split(opened.Text, "\n")
	if len(body) != 4 || body[0] != verifier.Name() {
		return errors.New("not this log's checkpoint")
	}
	size, err := strconv.ParseInt(body[1], 10, 64)
	if err != nil {
		return err
	}
	head32, err := tlog.ParseHash(body[2])
	if err != nil {
		return err
	}
	if hex.EncodeToString(head32[:]) != root {
		return errors.New("another root")
	}
	data, err := entryIn(extra)
	if err != nil {
		return err
	}
	if hex.EncodeToString(data) != entry {
		return errors.New("another entry")
	}
	return tlog.CheckRecord(proof, size, head32, index, tlog.RecordHash(data))
}

// entryIn gives the entry in the map beside a proof, after checking that the record there leads to it.
func entryIn(extra []byte) ([]byte, error) {
	var members map[int64]cbor.RawMessage
	if err := cbor.Unmarshal(extra, &members); err != nil {
		return nil, err
	}
	var version int64
	var data, record []byte
	if err := errors.Join(cbor.Unmarshal(members[0], &version), cbor.Unmarshal(members[3], &data)); err != nil {
		return nil, err
	}
	if version != 1 || len(members) != 4 {
		return nil, errors.New("not members 0 to 3 of version 1")
	}
	var entry, event []cbor.RawMessage
	var signed, batch []byte
	if err := cbor.Unmarshal(data, &entry); err != nil {
		return nil, err
	}
	if err := errors.Join(cbor.Unmarshal(entry[0], &signed), cbor.Unmarshal(signed, &event)); err != nil {
		return nil, err
	}
	var place struct {
		_     struct{} `cbor:",toarray"`
		Size  int64
		Index int64
		Path  []byte
	}
	err := errors.Join(
		cbor.Unmarshal(event[5], &batch), cbor.Unmarshal(members[1], &record), cbor.Unmarshal(members[2], &place))
	if err != nil || len(batch) != tlog.HashSize || len(place.Path)%tlog.HashSize != 0 {
		return nil, errors.Join(err, errors.New("no record in a batch"))
	}
	var path tlog.RecordProof
	for rest := place.Path; len(rest) > 0; rest = rest[tlog.HashSize:] {
		path = append(path, tlog.Hash(rest[:tlog.HashSize]))
	}
	return data, tlog.CheckRecord(path, place.Size, tlog.Hash(batch), place.Index, tlog.RecordHash(record))
}

func coseReceipt(receipt []byte, key, root, entry string) error {
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(receipt); err != nil {
		return err
	}
	if vds := message.Headers.Protected[int64(395)]; vds != int64(1) {
		return fmt.Errorf("vds is %v", vds)
	}
	if message.Payload != nil {
		return errors.New("the payload is not detached")
	}
	proofs, ok := message.Headers.Unprotected[int64(396)].(map[any]any)
	if !ok {
		return errors.New("no proofs")
	}
	inclusion, ok := proofs[int64(-1)].([]any)
	if !ok || len(inclusion) != 1 {
		return errors.New("no inclusion proof")
	}
	packed, ok := inclusion[0].([]byte)
	if !ok {
		return errors.New("no inclusion proof")
	}
	var proof struct {
		_     struct{} `cbor:",toarray"`
		Size  int64
		Index int64
		Path  [][]byte
	}
	if err := cbor.Unmarshal(packed, &proof); err != nil {
		return err
	}
	beside, ok := message.Headers.Unprotected["vw-entry"].([]byte)
	if !ok {
		return errors.New("no entry beside")
	}
	data, err := entryIn(beside)
	if err != nil {
		return err
	}
	if hex.EncodeToString(data) != entry {
		return errors.New("another entry")
	}
	var path tlog.RecordProof
	for _, node := range proof.Path {
		if len(node) != tlog.HashSize {
			return errors.New("a node of another length")
		}
		path = append(path, tlog.Hash(node))
	}
	payload, err := hex.DecodeString(root)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, proof.Size, tlog.Hash(payload), proof.Index, tlog.RecordHash(data)); err != nil {
		return err
	}
	_, encoded, _ := strings.Cut(key, "+")
	_, encoded, _ = strings.Cut(encoded, "+")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmEdDSA, ed25519.PublicKey(public[1:]))
	if err != nil {
		return err
	}
	message.Payload = payload
	return message.Verify(nil, verifier)
}

func consistency(j *judged, path string) {
	var all struct {
		Size   int64
		Root   string
		Proofs []struct {
			Size  int64
			Root  string
			Nodes []string
		}
	}
	j.check(path, read(path, &all))
	newest, _ := hex.DecodeString(all.Root)
	for _, one := range all.Proofs {
		old, _ := hex.DecodeString(one.Root)
		var proof tlog.TreeProof
		for _, node := range one.Nodes {
			hash, _ := hex.DecodeString(node)
			proof = append(proof, tlog.Hash(hash))
		}
		name := fmt.Sprintf("from %d to %d", one.Size, all.Size)
		j.check(name, tlog.CheckTree(proof, all.Size, tlog.Hash(newest), one.Size, tlog.Hash(old)))
		forked := bytes.Clone(old)
		forked[0] ^= 1
		j.refuses(name+", forked", tlog.CheckTree(proof, all.Size, tlog.Hash(newest), one.Size, tlog.Hash(forked)))
	}
}
