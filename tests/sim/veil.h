/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application of stream.h around another one, that takes the mailbox files out of reach
 * whenever the other one is not running: every map of a file below a directory is made
 * inaccessible. A transport that reads a borrowed span after produce() has returned faults.
 */
#ifndef WIREMAP_TESTS_SIM_VEIL_H
#define WIREMAP_TESTS_SIM_VEIL_H

#include "stream.h"

enum { VEIL_MAPS_MAX = 256, VEIL_SESSIONS_MAX = 4 };

struct veil_session {
	struct stream_session base; /* first */
	struct stream_session *inner;
	struct veil *veil;
};

struct veil {
	struct stream_app app; /* first: to be given to tcp_listen() */
	struct stream_app *inner;
	struct stream_transport transport, *real; /* what the inner one sees, and the TCP's */
	const char *directory;
	struct veil_session sessions[VEIL_SESSIONS_MAX];
	struct {
		void *start;
		size_t len;
	} maps[VEIL_MAPS_MAX];
	unsigned maps_n;
	uint64_t drawn; /* how often maps were hidden, for the test of the test */
};

/* The maps under `directory` are out of reach from here on. */
void veil_create(struct veil *veil, struct stream_app *inner, const char *directory);

/* Around what else the application's side does: its jobs, its end. Maps made in between are
 * found by veil_draw(). */
void veil_lift(struct veil *veil);
void veil_draw(struct veil *veil);

/* The test of the test: whether a child process that reads a hidden map dies of it. */
bool veil_holds(const struct veil *veil);

#endif
