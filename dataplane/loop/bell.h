/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a thread that has put something into a core's ring wakes that core if it sleeps, and pays
 * no system call if it does not.
 *
 * Both sides store, then look (Dekker): the core says that it sleeps, then looks into its rings
 * once more; a poster fills a ring, then looks whether the core sleeps. The full fences between
 * store and look, in loop_bell_sleeping() and loop_bell_ring(), are a pair: at least one of the
 * two sees the other, so no post is left lying by a core that sleeps.
 */
#ifndef LOOP_BELL_H
#define LOOP_BELL_H

#include <stdbool.h>

struct loop_bell {
	int eventfd; /* edge-triggered in the core's epoll set: never read */
	bool asleep; /* atomic */
};

/* 0 or -errno. */
int loop_bell_open(struct loop_bell *bell);
void loop_bell_close(struct loop_bell *bell);

/* Any thread, after it has posted. */
void loop_bell_ring(struct loop_bell *bell);

/* The core: from now on posters ring. It must look into its rings between this and its sleep. */
void loop_bell_sleeping(struct loop_bell *bell);
void loop_bell_awake(struct loop_bell *bell);

#endif
