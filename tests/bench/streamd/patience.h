/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread's waiting: for a signal that ends the program, a second, a moment. */
#ifndef STREAMD_PATIENCE_H
#define STREAMD_PATIENCE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct patience {
	sigset_t signals;
	bool ended; /* SIGTERM or SIGINT came */
};

/* Blocks the signals; before any thread is made. */
void patience_open(struct patience *patience);
/* Waits so long. False: a signal came, now or before. */
bool patience_wait_ms(struct patience *patience, unsigned ms);
/* A clock that only goes forward. */
uint64_t patience_now_ns(void);

#endif
