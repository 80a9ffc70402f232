/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what imap/mime does, in basic blocks run and bytes looked at by library calls: the same
 * on every machine and at any load. One thread.
 */
#ifndef WIREMAP_TESTS_COUNTER_H
#define WIREMAP_TESTS_COUNTER_H

#include <stdint.h>

extern uint64_t counter_operations;

/* How many more requests for memory are granted; the one after that is refused, later ones are
 * granted again. */
extern uint64_t counter_memory_left;

#endif
