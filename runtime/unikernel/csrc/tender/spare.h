/* spare.h: a fork of a zygote that waits for its one order. */
#ifndef SPARE_H
#define SPARE_H

/* Waits for an order on the channel and lays its pages. zygote: the process that forked this one.
 * After TC_RUN the process is a UC and this does not return. After TC_ZYGOTE this returns in the
 * process that is to be a zygote: its memory is a zygote's, its data and its stack are still its
 * parent's. */
void spare_main(int channel, int zygote);
#endif
