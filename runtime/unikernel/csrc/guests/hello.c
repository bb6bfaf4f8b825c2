/* The least that a program does: it is linked dynamically, starts, prints and ends. */
#include <stdio.h>

int main(void)
{
	puts("SUCCESS");
	return 0;
}
