package proxy

import "container/list"

// Recent is a map of at most max entries, which forgets the one that was not used for the longest time.
type Recent[Key comparable, Value any] struct {
	max   int
	items map[Key]*list.Element
	order *list.List // of entry, the one used last in front
}

type entry[Key comparable, Value any] struct {
	key   Key
	value Value
}

// NewRecent returns an empty map.
func NewRecent[Key comparable, Value any](max int) *Recent[Key, Value] {
	return &Recent[Key, Value]{max: max, items: map[Key]*list.Element{}, order: list.New()}
}

// Get returns a value and counts that as its use.
func (r *Recent[Key, Value]) Get(key Key) (value Value, exists bool) {
	element, exists := r.items[key]
	if !exists {
		return value, false
	}
	r.order.MoveToFront(element)
	return element.Value.(entry[Key, Value]).value, true
}

// Put sets a value and counts that as its use. It returns the value that it had to forget, if there is one.
func (r *Recent[Key, Value]) Put(key Key, value Value) (forgotten Value, isFull bool) {
	r.Remove(key)
	if r.order.Len() >= r.max {
		oldest := r.order.Back().Value.(entry[Key, Value])
		r.Remove(oldest.key)
		forgotten, isFull = oldest.value, true
	}
	r.items[key] = r.order.PushFront(entry[Key, Value]{key, value})
	return forgotten, isFull
}

// Oldest returns the entry that was not used for the longest time.
func (r *Recent[Key, Value]) Oldest() (key Key, value Value, exists bool) {
	element := r.order.Back()
	if element == nil {
		return key, value, false
	}
	oldest := element.Value.(entry[Key, Value])
	return oldest.key, oldest.value, true
}

// Remove forgets an entry.
func (r *Recent[Key, Value]) Remove(key Key) {
	if element, exists := r.items[key]; exists {
		r.order.Remove(element)
		delete(r.items, key)
	}
}
