package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// Hash returns the hash of the content of an entry, which is kept with it.
func (e *Entry) Hash() (string, error) {
	text, err := json.Marshal(struct {
		Instance string
		At       int64 // milliseconds since 1970
		*Entry
	}{e.InstanceID, e.Time.UnixMilli(), e})
	if err != nil {
		return "", fmt.Errorf("hash a history row: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Link returns the link of a row in the chain of its instance: the hash of
// the link before it, of its place, and of its content.
func Link(before string, seq int64, contentHash string) string {
	sum := sha256.Sum256([]byte(before + "\n" + strconv.FormatInt(seq, 10) + "\n" + contentHash))
	return hex.EncodeToString(sum[:])
}

// Sealed is an entry as it is kept, with its place in the chain.
type Sealed struct {
	*Entry
	ContentHash string
	// Seq is the place, from 1; 0 while the row is not sealed yet.
	Seq  int64
	Link string
}

// Chain is where the chain of an instance begins and ends. The zero Chain is
// one without rows.
type Chain struct {
	Seq  int64
	Link string
	// AnchorSeq and AnchorLink are those of the last row that was pruned.
	AnchorSeq  int64
	AnchorLink string
}

// Behind is an instance whose rows were not all written to an audit log.
type Behind struct{ InstanceID, Instance string }

// Verifier checks the rows of an instance, which it must be given in the
// order of the chain, and then those that are not sealed yet.
type Verifier struct {
	chain Chain
	seq   int64
	link  string
	// later is the last row behind the end of the chain.
	later int64
	// Rows is how many rows were checked, Unsealed how many of them are not
	// in the chain yet.
	Rows, Unsealed int
	// Problems name each row that is not as it was written.
	Problems []string
}

// NewVerifier returns a verifier for a chain.
func NewVerifier(c Chain) *Verifier {
	return &Verifier{chain: c, seq: c.AnchorSeq, link: c.AnchorLink}
}

// Check checks one row.
func (v *Verifier) Check(r Sealed) error {
	v.Rows++
	hash, err := r.Hash()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("row %s of %s (%s %s)", r.ID, r.Time.Format("2006-01-02 15:04:05"),
		r.Action, r.Target.Name)
	if hash != r.ContentHash {
		v.problem("%s was altered: its content is not what was written", name)
	}
	if r.Seq == 0 {
		v.Unsealed++
		return nil
	}
	if r.Seq > v.chain.Seq { // it was written meanwhile, or is none of ours
		v.later = max(v.later, r.Seq)
		return nil
	}
	switch {
	case r.Seq == v.seq+2:
		v.problem("a row is missing before %s: number %d", name, v.seq+1)
	case r.Seq > v.seq+2:
		v.problem("%d rows are missing before %s: numbers %d to %d", r.Seq-v.seq-1, name, v.seq+1,
			r.Seq-1)
	case Link(v.link, r.Seq, r.ContentHash) != r.Link:
		v.problem("%s is not linked to the row before it: one of them was altered, or they "+
			"were reordered", name)
	}
	v.seq, v.link = r.Seq, r.Link
	return nil
}

// End checks that the rows went to the end of the chain, and none beyond where
// it ends now.
func (v *Verifier) End(now Chain) {
	if v.later > now.Seq {
		v.problem("the chain ends at number %d, and there are rows up to number %d: rows were "+
			"added behind its end", now.Seq, v.later)
	}
	if v.seq != v.chain.Seq || v.link != v.chain.Link {
		v.problem("the chain ends at number %d, and the rows at number %d: rows were removed from "+
			"the end, or the last one was altered", v.chain.Seq, v.seq)
	}
}

func (v *Verifier) problem(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}
