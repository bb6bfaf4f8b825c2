package container

import "github.com/shirou/gopsutil/v4/mem"

// perContainer is the memory that one container is reckoned with, in bytes:
// twice what an idle one of Node.js takes of its own (results/reference, table
// 'Density'), for it also serves.
const perContainer = 16 << 20

// Bears is how many containers the memory at hand bears:
// the default of Config.Max. Where the host does not say what is available, 64.
func Bears() int {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 64
	}
	return bears(m.Available)
}

func bears(available uint64) int { return max(1, int(available/perContainer)) }
