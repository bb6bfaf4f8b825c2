/*
 * driver.h: the first descriptors of a program, for exec.c: 0 to 3, in this order, as the driver
 * expects them.
 */
#ifndef DRIVER_H
#define DRIVER_H

void driver_open(void); /* 0 to 3, in an empty table */
#endif
