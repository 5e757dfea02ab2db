package simulate

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
)

// prepared keeps SQLite's statements parsed. Tests run the same few hundred
// statements a million times with other values in them, and SQLite would spend
// most of its time reading them.
type prepared struct {
	conn  driver.Conn
	known map[string]driver.Stmt
	busy  map[string]bool
}

// mostKnown is how many statements are kept at a time.
const mostKnown = 2000

// take returns the statement that query is with its values taken out, and the
// values; nil when it cannot be kept or is in use.
func (p *prepared) take(query string) (driver.Stmt, string, []driver.NamedValue) {
	shape, values, ok := takeApart(query)
	if !ok || p.busy[shape] {
		return nil, "", nil
	}
	s := p.known[shape]
	if s == nil {
		var err error
		if s, err = p.conn.Prepare(shape); err != nil || len(p.known) >= mostKnown {
			return nil, "", nil
		}
		p.known[shape] = s
	}
	return s, shape, values
}

func (p *prepared) exec(query string) (driver.Result, bool, error) {
	s, _, values := p.take(query)
	if s == nil {
		return nil, false, nil
	}
	result, err := s.(driver.StmtExecContext).ExecContext(context.Background(), values)
	return result, true, err
}

func (p *prepared) query(query string) (driver.Rows, bool, error) {
	s, shape, values := p.take(query)
	if s == nil {
		return nil, false, nil
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), values)
	if err != nil {
		return nil, true, err
	}
	p.busy[shape] = true
	return &held{rows, func() { delete(p.busy, shape) }}, true, nil
}

// forget closes all statements.
func (p *prepared) forget() {
	for _, s := range p.known {
		_ = s.Close() // nobody uses it any more
	}
	clear(p.known)
}

// takeApart takes texts and whole numbers out of a statement that reads or writes
// rows. It knows what bun writes, and leaves alone what it does not know.
func takeApart(query string) (shape string, values []driver.NamedValue, ok bool) {
	if !strings.HasPrefix(query, "SELECT") && !strings.HasPrefix(query, "INSERT") && !strings.HasPrefix(query, "UPDATE") && !strings.HasPrefix(query, "DELETE") {
		return "", nil, false
	}
	var out strings.Builder
	put := func(v any) {
		values = append(values, driver.NamedValue{Ordinal: len(values) + 1, Value: v})
		out.WriteByte('?')
	}
	for i := 0; i < len(query); {
		switch c := query[i]; {
		case c == '\'':
			text, n := quoted(query[i:])
			if n == 0 {
				return "", nil, false
			}
			put(text)
			i += n
		case c == '"' || c == '`':
			end := strings.IndexByte(query[i+1:], c)
			if end < 0 {
				return "", nil, false
			}
			out.WriteString(query[i : i+end+2])
			i += end + 2
		case c >= '0' && c <= '9':
			n := i
			for n < len(query) && query[n] >= '0' && query[n] <= '9' {
				n++
			}
			number, err := strconv.ParseInt(query[i:n], 10, 64)
			if err != nil || n < len(query) && (query[n] == '.' || query[n] == 'e' || query[n] == 'x') {
				return "", nil, false
			}
			put(number)
			i = n
		case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z':
			n := i
			for n < len(query) && (query[n] == '_' || query[n]|0x20 >= 'a' && query[n]|0x20 <= 'z' || query[n] >= '0' && query[n] <= '9') {
				n++
			}
			if word := query[i:n]; word == "X" || word == "x" {
				return "", nil, false // bytes
			}
			out.WriteString(query[i:n])
			i = n
		case c == '?':
			return "", nil, false // has values already
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), values, true
}

// quoted is the text that begins at s, and how long it is there; 0 when it does
// not end.
func quoted(s string) (string, int) {
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], "''", "'"), i + 1
	}
	return "", 0
}
