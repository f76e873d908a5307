// Command image makes a container image of one static program FROM scratch:
// there is nothing in it but the program, and no base image is pulled. The same
// program gives the same image, to the last bit.
//
//	go run ./scripts/image -program bin/muster-server \
//		-tag muster-server:dev -out build/muster-server.tar
package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// user is who the program runs as: nobody that the host knows.
const user = 65532

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	f := flag.NewFlagSet("image", flag.ContinueOnError)
	program := f.String("program", "", "the static program")
	tag := f.String("tag", "", "the name of the image, such as muster-server:dev")
	out := f.String("out", "", "the file to write; docker load reads it")
	command := f.String("command", "", "what the program is told unless docker run says otherwise")
	data := f.String("data", "/data", "the directory that the program works in, and may write to")
	environment := f.String("env", "", "variables, separated by spaces")
	about := f.String("description", "", "what the image is, for people")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *program == "" || *tag == "" || *out == "" {
		return errors.New("-program, -tag and -out are needed")
	}
	ref, err := name.NewTag(*tag)
	if err != nil {
		return fmt.Errorf("-tag: %w", err)
	}
	files, err := layer(*program, *data)
	if err != nil {
		return err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	})
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return err
	}
	path := "/usr/bin/" + filepath.Base(*program)
	architecture, err := architectureOf(*program)
	if err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: architecture, Created: v1.Time{Time: time.Unix(0, 0).UTC()},
		RootFS: mustRootFS(image),
		Config: v1.Config{
			Entrypoint: []string{path}, Cmd: strings.Fields(*command),
			Env:  append([]string{"PATH=/usr/bin"}, strings.Fields(*environment)...),
			User: fmt.Sprintf("%d:%d", user, user), WorkingDir: *data,
			Volumes: map[string]struct{}{*data: {}},
			Labels: map[string]string{
				"org.opencontainers.image.title":       filepath.Base(*program),
				"org.opencontainers.image.description": *about,
			},
		},
	})
	if err != nil {
		return err
	}
	if err := tarball.WriteToFile(*out, ref, image); err != nil {
		return err
	}
	id, err := image.ConfigName()
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s is %s, in %s\n", *tag, id, *out)
	return err
}

// architectureOf returns what a program of Linux runs on, in Go's words.
func architectureOf(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", fmt.Errorf("%s is no program of Linux: %w", program, err)
	}
	defer f.Close()
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("%s is for %v, for which no image is made", program, f.Machine)
}

func mustRootFS(image v1.Image) v1.RootFS {
	c, err := image.ConfigFile()
	if err != nil {
		panic(err) // of an image in memory
	}
	return c.RootFS
}

// layer makes the files of the image: the program, a directory for its data,
// one for temporary files, and a name for its user.
func layer(program, data string) ([]byte, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range []struct {
		name  string
		mode  int64
		owner int
		text  []byte
	}{
		{"usr/", 0o755, 0, nil},
		{"usr/bin/", 0o755, 0, nil},
		{"usr/bin/" + filepath.Base(program), 0o755, 0, text},
		{"etc/", 0o755, 0, nil},
		{"etc/passwd", 0o644, 0, fmt.Appendf(nil, "muster:x:%d:%d::%s:/none\n", user, user, data)},
		{"tmp/", 0o1777, 0, nil},
		{strings.TrimPrefix(data, "/") + "/", 0o700, user, nil},
	} {
		h := &tar.Header{
			Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, Size: int64(len(e.text)),
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR, Typeflag: tar.TypeReg,
		}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
