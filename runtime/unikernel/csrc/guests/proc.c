/* /proc, /sys and /dev as runtimes read them. */
#include "check.h"
#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static char *slurp(const char *path)
{
	static char b[1 << 16];
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	ssize_t n = read(fd, b, sizeof b - 1);
	CHECK(n >= 0);
	b[n] = 0;
	close(fd);
	return b;
}

int main(int argc, char **argv)
{
	char b[256], c[256], path[64];
	int pid;
	(void)argc;
	CHECK(strstr(slurp("/proc/self/maps"), "/guest/proc") && strstr(slurp("/proc/self/maps"), "[stack]"));
	CHECK(readlink("/proc/self/exe", b, sizeof b) == 11 && !memcmp(b, "/guest/proc", 11));
	CHECK(!strcmp(slurp("/proc/self/cmdline"), argv[0]) && !strcmp(slurp("/proc/self/comm"), "proc\n"));
	CHECK(sscanf(slurp("/proc/self/stat"), "%d (%[^)]) R", &pid, b) == 2 && pid == getpid());
	sprintf(path, "/proc/%d/status", getpid());
	CHECK(strstr(slurp(path), "VmRSS:") && strstr(slurp("/proc/meminfo"), "MemTotal:"));
	CHECK(strstr(slurp("/proc/cpuinfo"), "processor\t: 0") && strstr(slurp("/proc/stat"), "btime"));
	CHECK(!strcmp(slurp("/proc/self/cgroup"), "0::/\n") && slurp("/sys/fs/cgroup/memory.max")[0]);
	CHECK(strlen(slurp("/proc/sys/kernel/random/uuid")) == 37);
	CHECK(open("/dev/stdout", O_WRONLY) >= 0 && readlink("/proc/self/fd/0", b, sizeof b) == 9);
	CHECK(getrandom(b, 256, 0) == 256 && getrandom(c, 256, 0) == 256 && memcmp(b, c, 256));
	int fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0 && read(fd, c, 256) == 256 && memcmp(b, c, 256));
	struct utsname u;
	struct sysinfo si;
	struct rlimit rl;
	struct rusage ru;
	CHECK(uname(&u) == 0 && !strcmp(u.machine, "x86_64") && sysinfo(&si) == 0 && si.totalram * si.mem_unit > 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur == 1024 && getrusage(RUSAGE_SELF, &ru) == 0);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && getuid() == 0);
	FAILS(open("/proc/self/stat", O_WRONLY), EACCES);
	FAILS(open("/proc/self/none", O_RDONLY), ENOENT);
	DONE();
}
