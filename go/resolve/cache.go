package resolve

import (
	"container/list"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The bounds of the cache. Addresses of both families of 1,024 names fit.
const (
	maxRecords  = 2 * 1024
	maxPositive = 5 * time.Minute
	maxNegative = 30 * time.Second
)

// A key names what a server was asked: a canonical name, and A or AAAA.
type key struct {
	name string
	kind dnsmessage.Type
}

// A result is what a question led to: addresses, or the definite absence of any if there is a reason.
type result struct {
	addresses []netip.Addr
	absence   string // why there are no addresses
	keep      time.Duration
}

// A cache remembers results until they expire. If it is full, it forgets what was not asked for the longest time.
type cache struct {
	records map[key]*list.Element
	order   *list.List // of cached, the one used last in front
}

type cached struct {
	key     key
	result  result
	expires time.Time
}

func newCache() *cache { return &cache{records: map[key]*list.Element{}, order: list.New()} }

func (c *cache) get(key key, now time.Time) (result, bool) {
	element, exists := c.records[key]
	if !exists {
		return result{}, false
	}
	record := element.Value.(*cached)
	if !now.Before(record.expires) {
		c.remove(element)
		return result{}, false
	}
	c.order.MoveToFront(element)
	return record.result, true
}

func (c *cache) put(key key, result result, now time.Time) {
	if result.keep <= 0 {
		return
	}
	if element, exists := c.records[key]; exists {
		c.remove(element)
	}
	for c.order.Len() >= maxRecords {
		c.remove(c.order.Back())
	}
	c.records[key] = c.order.PushFront(&cached{key: key, result: result, expires: now.Add(result.keep)})
}

func (c *cache) remove(element *list.Element) {
	delete(c.records, element.Value.(*cached).key)
	c.order.Remove(element)
}
