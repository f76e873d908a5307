package directory

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Company describes a company to generate. The same description gives the
// same company, on every machine; a company some months later has the same
// people, but for those who came, left, moved, or changed their names.
type Company struct {
	// People is how many it has at first, 10 to 1,000,000.
	People int
	Seed   uint64
	// Months is how long ago that was: since then people came and went.
	Months int
	// Domain is that of the e-mail addresses; acme.example if it is empty.
	Domain string
	// Name is the name of the company; made of the domain if it is empty.
	Name string
	// SquadSize is about how many people make a squad: each squad is a role,
	// beside those of the departments. 0 means 250.
	SquadSize int
	// Progress is called now and then; may be nil.
	Progress func(done, total int)

	squadNames []string
}

// The rates, in parts of ten thousand a month.
const (
	leaving  = 120
	hiring   = 130
	renaming = 12
	moving   = 60
	absent   = 40
)

// columnsOfCompany are the columns of a generated file; cost_center and
// office are custom attributes.
var columnsOfCompany = []string{
	"id", "username", "email", "firstname", "lastname", "department", "title", "company", "phone",
	"mobile", "manager", "status", "roles", "cost_center", "office",
}

var offices = []string{
	"London", "Berlin", "Toronto", "Tokyo", "São Paulo", "Nairobi", "Sydney", "New York",
}

func (c *Company) check() error {
	if c.People < 10 || c.People > 1_000_000 {
		return fmt.Errorf("a company has 10 to 1,000,000 people, not %d", c.People)
	}
	if c.Months < 0 || c.Months > 120 {
		return fmt.Errorf("a company is seen 0 to 120 months later, not %d", c.Months)
	}
	if c.SquadSize < 0 {
		return errors.New("the size of a squad is a positive number")
	}
	if c.Domain == "" {
		c.Domain = "acme.example"
	}
	if c.Name == "" {
		name, _, _ := strings.Cut(c.Domain, ".")
		c.Name = strings.ToUpper(name[:1]) + name[1:] + " Corporation"
	}
	if c.SquadSize == 0 {
		c.SquadSize = 250
	}
	for n := range max(1, c.People/c.SquadSize) {
		c.squadNames = append(c.squadNames, fmt.Sprintf("Squad %03d", n+1))
	}
	return nil
}

// Generate writes the company's people as CSV, as [Read] reads it. It keeps
// how often each name was given away, and nothing of the people.
func (c Company) Generate(ctx context.Context, w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write(columnsOfCompany); err != nil {
		return err
	}
	taken := make(map[string]int)
	for i := range c.ever() {
		if i%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.Progress != nil {
				c.Progress(i, c.ever())
			}
		}
		// Who has left keeps the name: it is not given to somebody else.
		p := c.person(i)
		p.userName = c.userName(taken, p)
		if p.left {
			continue
		}
		if err := out.Write(c.row(p)); err != nil {
			return err
		}
	}
	if c.Progress != nil {
		c.Progress(c.ever(), c.ever())
	}
	out.Flush()
	return out.Error()
}

// ever is how many people the company has had.
func (c Company) ever() int {
	return c.People + int(math.Ceil(float64(c.Months)*float64(c.People)*hiring/10000))
}

// Roles returns the roles that people of the company can have.
func (c Company) Roles() ([]string, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	roles := []string{"Employees", "Contractors", "Pilot", "Managers"}
	for _, d := range departments {
		roles = append(roles, "Team "+d.name)
	}
	return append(roles, c.squadNames...), nil
}

func pick[T any](list []T, n uint64) T { return list[n%uint64(len(list))] }

// roll returns a number for a person and a purpose: the same each time.
func (c Company) roll(i int, purpose string) uint64 {
	// FNV-1a, and the last steps of MurmurHash3, because FNV alone leaves
	// the low bits of neighbors alike.
	h := uint64(14695981039346656037)
	for _, b := range []byte(strconv.FormatUint(c.Seed,
		16) + "/" + purpose + "/" + strconv.Itoa(i)) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// happens returns the month in which something of a monthly rate happens to a
// person for the first time, or -1 if it did not happen yet.
func (c Company) happens(i int, what string, rate uint64) int {
	for m := c.hired(i); m < c.Months; m++ {
		if c.roll(i, what+strconv.Itoa(m))%10000 < rate {
			return m
		}
	}
	return -1
}

// hired returns the month in which a person came.
func (c Company) hired(i int) int {
	if i < c.People {
		return 0
	}
	return (i - c.People) * 10000 / (c.People * hiring)
}

// person is somebody of a generated company.
type person struct {
	i                                  int
	first, last, asciiFirst, asciiLast string
	userName                           string
	left, renamed, suspended           bool
	newLast, newASCIILast              string
	contractor, manages                bool
	department                         department
	title                              string
}

func (c Company) person(i int) person {
	p := person{i: i}
	l := c.language(i)
	p.first, p.asciiFirst = written(pick(l.first, c.roll(i, "first")))
	p.last, p.asciiLast = written(pick(l.last, c.roll(i, "last")))
	p.left = c.left(i)
	p.renamed = c.happens(i, "name", renaming) >= 0
	if p.renamed {
		p.newLast, p.newASCIILast = written(pick(l.last, c.roll(i, "new name")))
		p.renamed = p.newLast != p.last
	}
	p.suspended = c.Months > 0 && c.roll(i, "absent"+strconv.Itoa(c.Months/4))%10000 < absent
	p.contractor = i > 9 && c.roll(i, "contract")%100 < 4
	p.manages = i*span+1 < c.People
	p.department = c.departmentOf(i)
	level := min(c.level(i), len(p.department.titles))
	if i == 0 {
		p.title = "Chief Executive Officer"
	} else {
		p.title = p.department.titles[level-1]
	}
	return p
}

func (c Company) language(i int) language {
	n := int(c.roll(i, "language") % 1000)
	for _, l := range languages {
		if n -= l.share; n < 0 {
			return l
		}
	}
	return languages[0]
}

// written splits a name into the two ways it is written.
func written(name string) (native, ascii string) {
	if native, ascii, ok := strings.Cut(name, "="); ok {
		return native, ascii
	}
	return name, strings.ToLower(name)
}

// span is how many people report to one.
const span = 9

// level is how many people stand above a person: 0 for the first.
func (c Company) level(i int) int {
	n := 0
	for ; i > 0; i = (i - 1) / span {
		n++
	}
	return n
}

// departmentOf returns the department of whom the person reports to at last,
// unless he or she moved.
func (c Company) departmentOf(i int) department {
	top := i
	for top > span {
		top = (top - 1) / span
	}
	if m := c.happens(i, "move", moving); m >= 0 && i > span {
		return pick(departments, c.roll(i, "moved"))
	}
	return departments[max(0, top-1)%len(departments)]
}

// left reports whether somebody has left. The first ten never do.
func (c Company) left(i int) bool { return i > span && c.happens(i, "leave", leaving) >= 0 }

// manager returns who manages a person: the next one above who has not left;
// -1 for nobody. The first two manage each other.
func (c Company) manager(i int) int {
	if i == 0 {
		return 1
	}
	if c.roll(i, "free")%250 == 0 && i > span {
		return -1
	}
	for i > 0 {
		if i = (i - 1) / span; !c.left(i) {
			return i
		}
	}
	return 0
}

// userName gives a name away that nobody had before.
func (c Company) userName(taken map[string]int, p person) string {
	name := p.asciiFirst + "." + p.asciiLast
	taken[name]++
	if n := taken[name]; n > 1 {
		name += strconv.Itoa(n)
	}
	return c.address(p, name)
}

func (c Company) address(p person, name string) string {
	if p.contractor {
		name += "+ext"
	}
	return name + "@" + c.Domain
}

// id returns the id of a person.
func id(i int) string { return strconv.Itoa(10001 + i) }

func (c Company) row(p person) []string {
	last, name := p.last, p.userName
	if p.renamed {
		// With the id in it: a number would move the numbers of others.
		last, name = p.newLast, c.address(p, p.asciiFirst+"."+p.newASCIILast+"."+id(p.i))
	}
	manager := ""
	if m := c.manager(p.i); m >= 0 {
		manager = id(m)
	}
	phone := func(purpose string) string {
		n := c.roll(p.i, purpose)
		return fmt.Sprintf("+1 555 %03d %04d", n%1000, n/1000%10000)
	}
	mobile := ""
	if c.roll(p.i, "has mobile")%3 > 0 {
		mobile = phone("mobile")
	}
	status := "1"
	if p.suspended {
		status = "2"
	}
	return []string{
		id(p.i), name, name, p.first, last, p.department.name, p.title, c.Name, phone("phone"),
		mobile, manager, status,
		strings.Join(c.rolesOf(p), ";"), fmt.Sprintf("CC-%03d", 100+c.roll(p.i, "cost")%40),
		pick(offices, c.roll(p.i, "office")),
	}
}

func (c Company) rolesOf(p person) []string {
	roles := []string{
		"Employees", "Team " + p.department.name, pick(c.squadNames, c.roll(p.i, "squad")),
	}
	if p.contractor {
		roles[0] = "Contractors"
	}
	if p.manages {
		roles = append(roles, "Managers")
	}
	if p.department.name == "IT" && c.roll(p.i, "pilot")%4 == 0 {
		roles = append(roles, "Pilot")
	}
	return slices.Clip(roles)
}
