package snapshot

// Put keeps bytes in slots of the arena: as many as they fill. Drop gives them
// back.
func (a *Arena) Put(b []byte) ([]Slot, error) {
	slots := make([]Slot, 0, (len(b)+PageSize-1)/PageSize)
	a.mu.Lock()
	for len(slots) < cap(slots) {
		s, err := a.acquire()
		if err != nil {
			a.mu.Unlock()
			a.Drop(slots)
			return nil, err
		}
		slots = append(slots, s)
	}
	a.mu.Unlock()
	err := stretches(slots, len(b), func(first Slot, from, to int) error { return a.Write(first, b[from:to]) })
	if err != nil {
		a.Drop(slots)
		return nil, err
	}
	return slots, nil
}

// Get reads what was put into slots. b is as long as that was.
func (a *Arena) Get(slots []Slot, b []byte) error {
	return stretches(slots, len(b), func(first Slot, from, to int) error {
		return readFull(a.fd, b[from:to], int64(first)*PageSize)
	})
}

// Drop gives slots of Put back.
func (a *Arena) Drop(slots []Slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range slots {
		a.drop(s)
	}
	a.trim()
}

// stretches calls f for slots that follow each other, with which of n bytes
// they hold.
func stretches(slots []Slot, n int, f func(first Slot, from, to int) error) error {
	for i, k := 0, 0; i < len(slots); i = k {
		for k = i + 1; k < len(slots) && slots[k] == slots[i]+Slot(k-i); k++ {
		}
		if err := f(slots[i], i*PageSize, min(k*PageSize, n)); err != nil {
			return err
		}
	}
	return nil
}
