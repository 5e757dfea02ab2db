package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A position is how far a log has been reported. First tells it from the log that
// follows when it is rotated.
type position struct {
	First  string `json:"first"` // SHA-256 of its first line
	Offset int64  `json:"offset"`
}

// File reports a log that is still written to. Where it stands is kept in another
// file, "" for nowhere: then it begins at the beginning.
func File(ctx context.Context, path, keep string, o Options) (Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	first, err := firstLine(f)
	if err != nil {
		return Result{}, err
	}
	at, err := readPosition(keep)
	if err != nil {
		return Result{}, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Result{}, err
	}
	if at.First != first || at.Offset > size {
		at = position{First: first}
	}
	if _, err := f.Seek(at.Offset, io.SeekStart); err != nil {
		return Result{}, err
	}
	res, err := Run(ctx, f, o)
	if keep == "" || first == "" {
		return res, err
	}
	at.Offset += res.Read
	return res, errors.Join(err, at.write(keep))
}

// firstLine returns the hash of a log's first line, "" when it has none yet.
func firstLine(f *os.File) (string, error) {
	text, err := bufio.NewReaderSize(f, longestLine).ReadSlice('\n')
	if err == io.EOF {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("line 1 cannot be read: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func readPosition(path string) (position, error) {
	var at position
	if path == "" {
		return at, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	if json.Unmarshal(text, &at) != nil || at.Offset < 0 {
		return position{}, nil // from the beginning: nothing counts twice
	}
	return at, nil
}

// write keeps a position, whole or not at all.
func (p position) write(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".position")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
