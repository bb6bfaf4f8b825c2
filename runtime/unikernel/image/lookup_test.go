package image

import (
	"fmt"
	"os"
	"path"
	"sort"
	"strings"
)

// lookup finds an entry of a directory. NewReader has checked all tables.
func (im *Reader) lookup(dir uint32, name string) (uint32, bool) {
	n := im.inodes[dir]
	entries := im.entries[n.data:][:n.size]
	k := sort.Search(len(entries), func(i int) bool { return entries[i].name >= name })
	if k == len(entries) || entries[k].name != name {
		return 0, false
	}
	return entries[k].inode, true
}

// ReadFile reads the file at the absolute path p; symbolic links are followed.
func (im *Reader) ReadFile(p string) ([]byte, error) {
	for range 40 {
		id, link, err := im.walk(path.Clean(p))
		if err != nil {
			return nil, err
		}
		if link == "" {
			n := im.inodes[id]
			if n.mode&modeKind != modeFile {
				return nil, fmt.Errorf("read %s: %w: not a file", p, os.ErrInvalid)
			}
			b := make([]byte, n.size)
			_, err := im.r.ReadAt(b, int64(n.data))
			return b, err
		}
		p = link
	}
	return nil, fmt.Errorf("read %s: too many levels of symbolic links", p)
}

func (im *Reader) walk(p string) (id uint32, link string, err error) {
	parts := strings.Split(strings.Trim(p, "/"), "/")
	for i, part := range parts {
		if im.inodes[id].mode&modeKind != modeDir {
			return 0, "", fmt.Errorf("open %s: %w", p, os.ErrNotExist)
		}
		next, ok := im.lookup(id, part)
		if !ok {
			return 0, "", fmt.Errorf("open %s: %w", p, os.ErrNotExist)
		}
		if n := im.inodes[next]; n.mode&modeKind == modeLink {
			target := im.strings[n.data:][:n.size]
			if !path.IsAbs(target) {
				target = path.Join("/", path.Join(parts[:i]...), target)
			}
			return 0, path.Join(append([]string{target}, parts[i+1:]...)...), nil
		}
		id = next
	}
	return id, "", nil
}
