/* Pseudo-terminals. Where there is no devpts, as in a UC, openpty fails with ENOENT, and no descriptor is a terminal;
 * elsewhere the two ends of one lead to each other. */
#include "check.h"
#include <fcntl.h>
#include <pty.h>
#include <termios.h>

int main(void)
{
	int master = -1, slave = -1, file = open("/tmp/terminals", O_RDWR | O_CREAT, 0600);
	struct termios t;
	char b[8];
	if (openpty(&master, &slave, NULL, NULL, NULL) == -1) {
		FAILS(posix_openpt(O_RDWR | O_NOCTTY), ENOENT);
		FAILS(open("/dev/ptmx", O_RDWR), ENOENT);
		FAILS(open("/dev/pts/0", O_RDWR), ENOENT);
	} else {
		CHECK(isatty(slave) && write(slave, "out", 3) == 3 && read(master, b, sizeof b) == 3);
	}
	FAILS(tcgetattr(file, &t), ENOTTY);
	CHECK(!isatty(file) && errno == ENOTTY);
	CHECK(unlink("/tmp/terminals") == 0);
	DONE();
}
