// Command judge says what Go's own crypto/x509 and the certificate-transparency-go library make of certificates.
//
// It reads one JSON object a line and answers each with one line: the facts it read from the certificate, and what it
// finds wrong with it. No faults and the facts that the issuer meant to state: the certificate is good.
package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/ctutil"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
)

// question is one certificate with everything that is needed to judge it; bytes are base64 of DER.
type question struct {
	Leaf []byte `json:"leaf"`
	// Precertificate is what was signed and logged first.
	Precertificate []byte `json:"precertificate"`
	// Chain is issuing CA first, root last.
	Chain [][]byte `json:"chain"`
	// LogKey is the log's SubjectPublicKeyInfo.
	LogKey []byte `json:"logKey"`
	// LoggedTBS is the TBSCertificate that the log signed for.
	LoggedTBS []byte `json:"loggedTbs"`
}

type answer struct {
	Facts  *facts   `json:"facts"`
	Faults []string `json:"faults"`
}

// facts are what the certificate says, as the libraries read it.
type facts struct {
	Serial                 string            `json:"serial"`
	SignatureAlgorithm     string            `json:"signatureAlgorithm"`
	NotBefore              string            `json:"notBefore"`
	NotAfter               string            `json:"notAfter"`
	Issuer                 string            `json:"issuer"`
	Subject                string            `json:"subject"`
	SPKI                   string            `json:"spki"`
	KeyUsage               []string          `json:"keyUsage"`
	ExtKeyUsage            []string          `json:"extKeyUsage"`
	SubjectKeyIdentifier   string            `json:"subjectKeyIdentifier"`
	AuthorityKeyIdentifier string            `json:"authorityKeyIdentifier"`
	Names                  []string          `json:"names"`
	Order                  []string          `json:"order"`
	Values                 map[string]string `json:"values"`
	SCTs                   []string          `json:"scts"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(judge(q)); err != nil {
			os.Exit(1)
		}
	}
}

// complaint collects faults.
type complaint []string

func (c *complaint) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func judge(q question) answer {
	faults := complaint{}
	leaf, err := x509.ParseCertificate(q.Leaf)
	if err != nil {
		faults.add("crypto/x509 cannot parse the certificate: %v", err)
		return answer{nil, faults}
	}
	chain := make([]*x509.Certificate, len(q.Chain))
	for i, der := range q.Chain {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			faults.add("crypto/x509 cannot parse CA %d: %v", i, err)
			return answer{nil, faults}
		}
	}
	handleUsernames(leaf)
	f := read(leaf, &faults)
	verifyChain(leaf, chain, &faults)
	judgePrecertificate(q, chain, &faults)
	judgeTransparency(q, f, &faults)
	return answer{f, faults}
}

var keyUsages = map[x509.KeyUsage]string{
	x509.KeyUsageDigitalSignature: "digitalSignature", x509.KeyUsageContentCommitment: "nonRepudiation",
	x509.KeyUsageKeyEncipherment: "keyEncipherment", x509.KeyUsageDataEncipherment: "dataEncipherment",
	x509.KeyUsageKeyAgreement: "keyAgreement", x509.KeyUsageCertSign: "keyCertSign", x509.KeyUsageCRLSign: "cRLSign",
}

var fulcioArc = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}

func read(leaf *x509.Certificate, faults *complaint) *facts {
	f := facts{
		Serial:             hex.EncodeToString(leaf.SerialNumber.Bytes()),
		SignatureAlgorithm: hex.EncodeToString(signatureAlgorithm(leaf)),
		NotBefore:          leaf.NotBefore.UTC().Format(time.RFC3339), NotAfter: leaf.NotAfter.UTC().Format(time.RFC3339),
		Issuer: hex.EncodeToString(leaf.RawIssuer), Subject: hex.EncodeToString(leaf.RawSubject),
		SPKI:     hex.EncodeToString(leaf.RawSubjectPublicKeyInfo),
		KeyUsage: []string{}, ExtKeyUsage: []string{}, Names: []string{}, Order: []string{}, SCTs: []string{},
		SubjectKeyIdentifier:   hex.EncodeToString(leaf.SubjectKeyId),
		AuthorityKeyIdentifier: hex.EncodeToString(leaf.AuthorityKeyId),
		Values:                 map[string]string{},
	}
	if leaf.SerialNumber.Sign() <= 0 || leaf.Version != 3 || leaf.PublicKey == nil || leaf.IsCA {
		faults.add("version %d, serial %v, key %T, CA %v", leaf.Version, leaf.SerialNumber, leaf.PublicKey, leaf.IsCA)
	}
	for bit := x509.KeyUsage(1); bit <= x509.KeyUsageDecipherOnly; bit <<= 1 {
		if leaf.KeyUsage&bit != 0 {
			f.KeyUsage = append(f.KeyUsage, keyUsages[bit])
		}
	}
	for _, usage := range leaf.ExtKeyUsage {
		f.ExtKeyUsage = append(f.ExtKeyUsage, map[x509.ExtKeyUsage]string{x509.ExtKeyUsageCodeSigning: "codeSigning"}[usage])
	}
	for _, usage := range leaf.UnknownExtKeyUsage {
		f.ExtKeyUsage = append(f.ExtKeyUsage, usage.String())
	}
	for _, email := range leaf.EmailAddresses {
		f.Names = append(f.Names, "email:"+email)
	}
	names := rawNames(leaf)
	for _, uri := range names.uris {
		f.Names = append(f.Names, "uri:"+uri)
	}
	for _, username := range names.usernames {
		f.Names = append(f.Names, "username:"+username)
	}
	known := len(leaf.URIs) + len(leaf.EmailAddresses) + len(names.usernames)
	if len(leaf.DNSNames)+len(leaf.IPAddresses) != 0 || known != names.count || known != len(f.Names) {
		faults.add("other names: %v %v %v", leaf.DNSNames, leaf.IPAddresses, leaf.URIs)
	}
	if sum := keyHash(leaf); !bytes.Equal(sum, leaf.SubjectKeyId) {
		faults.add("subjectKeyIdentifier is not the SHA-1 of the key bits")
	}
	for _, extension := range leaf.Extensions {
		f.Order = append(f.Order, describe(extension))
		if text, ok := fulcioText(extension, faults); ok {
			f.Values[strconv.Itoa(extension.Id[len(fulcioArc)])] = text
		}
	}
	return &f
}

// signatureAlgorithm is the field inside the TBSCertificate as it stands, parameters included.
func signatureAlgorithm(leaf *x509.Certificate) []byte {
	var tbs struct {
		Version   int `asn1:"explicit,tag:0"`
		Serial    *big.Int
		Algorithm asn1.RawValue
		Issuer    asn1.RawValue
		Validity  asn1.RawValue
		Subject   asn1.RawValue
		Key       asn1.RawValue
		Rest      asn1.RawValue `asn1:"explicit,tag:3"`
	}
	if _, err := asn1.Unmarshal(leaf.RawTBSCertificate, &tbs); err != nil {
		return []byte(err.Error())
	}
	return tbs.Algorithm.FullBytes
}

// describe names an extension and says when it is critical.
func describe(extension pkix.Extension) string {
	if extension.Critical {
		return extension.Id.String() + " critical"
	}
	return extension.Id.String()
}

// sanNames are the names that crypto/x509 does not give as they stand, and how many there are of all kinds.
type sanNames struct {
	uris, usernames []string
	count           int
}

// otherName is RFC 5280 §4.2.1.6 with the value that Fulcio's type has.
type otherName struct {
	TypeID asn1.ObjectIdentifier
	Value  string `asn1:"explicit,tag:0,utf8"`
}

// rawNames reads the names as they stand: net/url would normalise URIs, and crypto/x509 passes over an otherName.
func rawNames(leaf *x509.Certificate) sanNames {
	found := sanNames{}
	for _, extension := range leaf.Extensions {
		var names []asn1.RawValue
		if !extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		if rest, err := asn1.Unmarshal(extension.Value, &names); err != nil || len(rest) != 0 {
			return sanNames{uris: []string{"unreadable"}}
		}
		found.count += len(names)
		for _, name := range names {
			if name.Class == asn1.ClassContextSpecific && name.Tag == 6 {
				found.uris = append(found.uris, string(name.Bytes))
			}
			if name.Class == asn1.ClassContextSpecific && name.Tag == 0 {
				found.usernames = append(found.usernames, username(name))
			}
		}
	}
	return found
}

// handleUsernames says of a certificate that names a user by an otherName of Fulcio's type that this is understood, as
// Sigstore's own verifiers do: crypto/x509 knows no otherName, and the extension is critical.
func handleUsernames(certificate *x509.Certificate) {
	if names := rawNames(certificate); len(names.usernames) == 0 || len(names.usernames) != names.count {
		return
	}
	certificate.UnhandledCriticalExtensions = slices.DeleteFunc(
		certificate.UnhandledCriticalExtensions,
		func(id asn1.ObjectIdentifier) bool { return id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) },
	)
}

// username is the text of an otherName of Fulcio's type.
func username(name asn1.RawValue) string {
	var other otherName
	rest, err := asn1.UnmarshalWithParams(name.FullBytes, &other, "tag:0")
	if err != nil || len(rest) != 0 || !other.TypeID.Equal(append(fulcioArc[:len(fulcioArc):len(fulcioArc)], 7)) {
		return fmt.Sprintf("unreadable: %v %v", other.TypeID, err)
	}
	return other.Value
}

func keyHash(leaf *x509.Certificate) []byte {
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(leaf.RawSubjectPublicKeyInfo, &spki); err != nil {
		return nil
	}
	sum := sha1.Sum(spki.Key.Bytes)
	return sum[:]
}

// fulcioText reads an extension of Fulcio's arc: bare text up to number 7, a DER UTF8String from 8 on.
func fulcioText(extension pkix.Extension, faults *complaint) (string, bool) {
	id := extension.Id
	if len(id) != len(fulcioArc)+1 || !id[:len(fulcioArc)].Equal(fulcioArc) {
		return "", false
	}
	text := extension.Value
	if id[len(fulcioArc)] >= 8 {
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(extension.Value, &value)
		if err != nil || len(rest) != 0 || value.Class != asn1.ClassUniversal || value.Tag != asn1.TagUTF8String {
			faults.add("%v is not a UTF8String", id)
		}
		text = value.Bytes
	}
	if !utf8.Valid(text) {
		faults.add("%v is not UTF-8", id)
	}
	return string(text), true
}

// verifyChain asks crypto/x509 at both ends of the validity and just outside them.
func verifyChain(leaf *x509.Certificate, chain []*x509.Certificate, faults *complaint) {
	for _, moment := range []struct {
		at   time.Time
		good bool
	}{
		{leaf.NotBefore, true}, {leaf.NotAfter, true},
		{leaf.NotBefore.Add(-time.Second), false}, {leaf.NotAfter.Add(time.Second), false},
	} {
		_, err := leaf.Verify(options(chain, moment.at))
		if moment.good && err != nil {
			faults.add("crypto/x509 does not verify the chain at %v: %v", moment.at, err)
		}
		if !moment.good && err == nil {
			faults.add("crypto/x509 verifies the chain at %v", moment.at)
		}
	}
}

func options(chain []*x509.Certificate, at time.Time) x509.VerifyOptions {
	opts := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	opts.Roots.AddCert(chain[len(chain)-1])
	for _, ca := range chain[:len(chain)-1] {
		opts.Intermediates.AddCert(ca)
	}
	return opts
}

// judgePrecertificate wants one that the issuer signed and that nobody accepts, for its poison alone.
func judgePrecertificate(q question, chain []*x509.Certificate, faults *complaint) {
	precertificate, err := x509.ParseCertificate(q.Precertificate)
	if err != nil {
		faults.add("crypto/x509 cannot parse the precertificate: %v", err)
		return
	}
	handleUsernames(precertificate)
	if err := precertificate.CheckSignatureFrom(chain[0]); err != nil {
		faults.add("the precertificate's signature: %v", err)
	}
	if unhandled := precertificate.UnhandledCriticalExtensions; len(unhandled) != 1 ||
		unhandled[0].String() != "1.3.6.1.4.1.11129.2.4.3" {
		faults.add("the precertificate's unknown critical extensions are %v", unhandled)
	}
	var critical x509.UnhandledCriticalExtension
	if _, err := precertificate.Verify(options(chain, precertificate.NotBefore)); !errors.As(err, &critical) {
		faults.add("crypto/x509 does not refuse the precertificate for its poison: %v", err)
	}
}

// judgeTransparency asks certificate-transparency-go, which re-encodes both TBSCertificates for it.
func judgeTransparency(q question, f *facts, faults *complaint) {
	chain := make([]*ctx509.Certificate, 1+len(q.Chain))
	for i, der := range append([][]byte{q.Leaf}, q.Chain...) {
		certificate, err := ctx509.ParseCertificate(der)
		if err != nil {
			faults.add("certificate-transparency-go cannot parse certificate %d: %v", i, err)
			return
		}
		chain[i] = certificate
	}
	compareTBS("certificate", chain[0].RawTBSCertificate, ctx509.RemoveSCTList, q.LoggedTBS, faults)
	if precertificate, err := ctx509.ParseCertificate(q.Precertificate); ctx509.IsFatal(err) {
		faults.add("certificate-transparency-go cannot parse the precertificate: %v", err)
	} else {
		if !precertificate.IsPrecertificate() {
			faults.add("certificate-transparency-go sees no precertificate")
		}
		compareTBS("precertificate", precertificate.RawTBSCertificate, ctx509.RemoveCTPoison, q.LoggedTBS, faults)
	}
	scts, err := x509util.ParseSCTsFromCertificate(q.Leaf)
	if err != nil || len(scts) != 1 {
		faults.add("%d SCTs: %v", len(scts), err)
		return
	}
	key, err := ctx509.ParsePKIXPublicKey(q.LogKey)
	if err != nil {
		faults.add("the log's key: %v", err)
		return
	}
	for _, sct := range scts {
		f.SCTs = append(f.SCTs, fmt.Sprintf("v%d %x %d %x", sct.SCTVersion+1, sct.LogID.KeyID, sct.Timestamp, []byte(sct.Extensions)))
		verifySCT(key, q.LogKey, chain, sct, faults)
	}
}

func compareTBS(what string, tbs []byte, remove func([]byte) ([]byte, error), logged []byte, faults *complaint) {
	if rest, err := remove(tbs); err != nil || !bytes.Equal(rest, logged) {
		faults.add("the %s re-encoded without its last extension is not the logged TBS: %v", what, err)
	}
}

func verifySCT(
	key crypto.PublicKey, spki []byte, chain []*ctx509.Certificate, sct *ct.SignedCertificateTimestamp, faults *complaint,
) {
	if err := ctutil.VerifySCT(key, chain, sct, true); err != nil {
		faults.add("the SCT does not verify: %v", err)
	}
	if sct.LogID.KeyID != sha256.Sum256(spki) {
		faults.add("the SCT names another log")
	}
	var signature struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sct.Signature.Signature, &signature); err != nil || len(rest) != 0 {
		faults.add("the SCT's signature is not DER: %v", err)
	}
}
