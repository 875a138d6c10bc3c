package proxy

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"
	"sync"
)

// maxCredential is the longest user name and password that SOCKS5 can carry.
const maxCredential = 255

// Users are the clients that may use a proxy. It may be used from several goroutines.
type Users struct {
	secret [sha256.Size]byte

	mu        sync.RWMutex
	passwords map[digest]digest // by user; nil: nobody has to be one
}

// A digest stands for a user name or password. It depends on a random secret, so that neither the time that a
// comparison takes nor what is left in memory says anything about the text.
type digest [sha256.Size]byte

// NewUsers returns users without anybody in it: nobody may use the proxy.
func NewUsers() *Users {
	users := &Users{passwords: map[digest]digest{}}
	_, _ = rand.Read(users.secret[:]) // never fails
	return users
}

func (u *Users) digest(text string) (sum digest) {
	mac := hmac.New(sha256.New, u.secret[:])
	_, _ = io.WriteString(mac, text) // never fails
	mac.Sum(sum[:0])
	return sum
}

// Read replaces the users by those of a file with lines of the form USER:PASSWORD. It ignores empty lines and lines
// that begin with "#". If a line is wrong, it changes nothing; the error says which, never what is in it.
func (u *Users) Read(file io.Reader) error {
	passwords := map[digest]digest{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, password, found := strings.Cut(line, ":")
		switch {
		case !found:
			return fmt.Errorf("line %d is not USER:PASSWORD", number)
		case user == "" || password == "":
			return fmt.Errorf("line %d has an empty user name or password", number)
		case len(user) > maxCredential || len(password) > maxCredential:
			return fmt.Errorf("line %d has a user name or password of more than %d bytes", number, maxCredential)
		}
		name := u.digest(user)
		if _, exists := passwords[name]; exists {
			return fmt.Errorf("line %d has a user of an earlier line", number)
		}
		passwords[name] = u.digest(password)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the users: %w", err)
	}
	if len(passwords) == 0 {
		return fmt.Errorf("it names no user: write a line USER:PASSWORD for each")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.passwords = passwords
	return nil
}

// ReadNone makes the proxy one that everybody may use who can connect to it.
func (u *Users) ReadNone() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.passwords = nil
}

// Required reports whether a client has to be one of the users.
func (u *Users) Required() bool {
	if u == nil {
		return false
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.passwords != nil
}

// Admit reports whether a user has this password. It takes as long for a user that does not exist.
func (u *Users) Admit(user, password string) bool {
	name, given := u.digest(user), u.digest(password)
	u.mu.RLock()
	wanted, exists := u.passwords[name]
	u.mu.RUnlock()
	same := subtle.ConstantTimeCompare(wanted[:], given[:])
	return exists && same == 1
}
