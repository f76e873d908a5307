package httpapi

import "strconv"

// partSize is how much of an answer is kept back until it is sent, in bytes.
const partSize = 256 << 10

// body is the text of an answer while it is made. What is short is sent whole
// and with its length. What is long is sent in parts: a page of large groups
// need not fit into memory.
type body struct {
	x      *requestContext
	status int
	text   []byte
	begun  bool
}

// spill sends what there is, if it is much.
func (b *body) spill() error {
	if len(b.text) < partSize {
		return nil
	}
	return b.send()
}

func (b *body) send() error {
	if !b.begun {
		b.begun = true
		b.x.header(b.x.mediaType())
		b.x.answer.WriteHeader(b.status)
	}
	_, err := b.x.answer.Write(b.text)
	b.text = b.text[:0]
	return err
}

// end sends the rest.
func (b *body) end() error {
	if b.begun {
		return b.send()
	}
	return b.x.sendJSON(b.status, b.x.mediaType(), b.text)
}

// header sets the headers of every answer with a body.
func (x *requestContext) header(mediaType string) {
	h := x.answer.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// sendJSON sends an answer with a body.
func (x *requestContext) sendJSON(status int, mediaType string, body []byte) error {
	x.header(mediaType)
	x.answer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.answer.WriteHeader(status)
	_, err := x.answer.Write(body)
	return err
}

// sendNothing sends an answer without a body.
func (x *requestContext) sendNothing(status int) error {
	x.answer.WriteHeader(status)
	return nil
}

// resources are some of those in a list, ready to be rendered.
type resources struct {
	n int
	// write renders them one after the other, and a comma between two.
	write func(*body) error
}

// rendered returns resources that are rendered one by one.
func rendered[T any](list []T, render func(dst []byte, v T) ([]byte, error)) resources {
	return resources{len(list), func(b *body) (err error) {
		for i, v := range list {
			if i > 0 {
				b.text = append(b.text, ',')
			}
			if b.text, err = render(b.text, v); err != nil {
				return err
			}
			if err = b.spill(); err != nil {
				return err
			}
		}
		return nil
	}}
}
