package worker

// list is a doubly linked list whose links are part of its items, so that
// moving an item between lists allocates nothing: every hot invocation moves
// its sandbox twice. The zero value is an empty list. container/list would
// allocate an element for each move.
type list[T any] struct {
	front, back *links[T]
	n           int
}

// links is an item's place in a list. An item may have several, one for each
// list that it can be in at a time.
type links[T any] struct {
	prev, next *links[T]
	item       *T
}

func (l *list[T]) pushFront(e *links[T], item *T) {
	e.item, e.prev, e.next = item, nil, l.front
	if l.front != nil {
		l.front.prev = e
	} else {
		l.back = e
	}
	l.front = e
	l.n++
}

func (l *list[T]) pushBack(e *links[T], item *T) {
	e.item, e.prev, e.next = item, l.back, nil
	if l.back != nil {
		l.back.next = e
	} else {
		l.front = e
	}
	l.back = e
	l.n++
}

// remove takes e out of l; e must be in l.
func (l *list[T]) remove(e *links[T]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.front = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.back = e.prev
	}
	*e = links[T]{}
	l.n--
}

// first is the item at the front, nil when l is empty.
func (l *list[T]) first() *T {
	if l.front == nil {
		return nil
	}
	return l.front.item
}

// last is the item at the back, nil when l is empty.
func (l *list[T]) last() *T {
	if l.back == nil {
		return nil
	}
	return l.back.item
}

// each calls f for every item from the front on. f may remove the item that it
// is called with, and no other.
func (l *list[T]) each(f func(*T)) {
	for e := l.front; e != nil; {
		next := e.next
		f(e.item)
		e = next
	}
}
