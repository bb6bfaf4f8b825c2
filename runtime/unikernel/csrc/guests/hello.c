/* The thinnest path: a dynamic program starts, prints and ends. */
#include <stdio.h>

int main(void)
{
	puts("SUCCESS");
	return 0;
}
