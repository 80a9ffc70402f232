/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of the TCP that are none: made on purpose, from outside, to prove that the simulator
 * sees the like. Each must turn a few dozen seeds red.
 */
#ifndef WIREMAP_TESTS_SIM_PLANTED_H
#define WIREMAP_TESTS_SIM_PLANTED_H

#define PLANTED_FAULTS(X)                                                                          \
	X(none)                                                                                    \
	X(checksum) /* nobody looks at checksums */                                                \
	X(stall)    /* the path goes away and never comes back */                                  \
	X(timer)    /* a retransmission timer is lost */                                           \
	X(leak)	    /* a buffer is not given back */                                               \
	X(sequence) /* snd_nxt beyond what was sent */                                             \
	X(window)   /* the congestion window doubles out of turn */                                \
	X(shrink)   /* an offered window is taken back */                                          \
	X(count)    /* a connection is counted twice */                                            \
	X(skip)	    /* received bytes are passed over */                                           \
	X(giveup)   /* a peer is given up that was heard a moment ago */

enum planted {
#define PLANTED_NAME(name) PLANTED_##name,
	PLANTED_FAULTS(PLANTED_NAME)
#undef PLANTED_NAME
		PLANTED_N,
};

struct world;

/* PLANTED_N: there is none of that name. */
enum planted planted_find(const char *name);
/* Commits the world's fault when its time has come. Called in every turn. */
void planted_commit(struct world *world);

#endif
