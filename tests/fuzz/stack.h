/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Net and TCP of one core on the port that is not there, an application that echoes, and a
 * witness: a connection that must not notice what else comes in. Whatever is wrong ends the
 * program. The clock stands still but for stack_sleep(). One in a process.
 */
#ifndef WIREMAP_TESTS_FUZZ_STACK_H
#define WIREMAP_TESTS_FUZZ_STACK_H

#include "fake_port.h"
#include "span.h"

enum {
	SERVICE = 143,
	ENDS = 8, /* the witness is the first */
};

/* One end of a connection, or of none, that the input speaks for. */
struct end {
	uint32_t ip; /* host order */
	uint16_t port;
	uint32_t seq, ack; /* where the TCP stands, as its last segment said: what comes next */
	uint32_t acked;	   /* what this end has acknowledged */
	uint32_t stamp;	   /* the last timestamp of the TCP's */
};

void stack_create(void);
/* The witness opens its connection. */
void stack_begin(void);
/* The witness has noticed nothing; everything ends, and nothing is left. */
void stack_finish(void);

struct end *stack_end(uint32_t number);

/* One frame in; where it ends in a segment that segment waits for stack_burst(). */
void stack_frame(const uint8_t *bytes, size_t len, size_t part, uint64_t ol_flags);
/* The TCP gets what has come. */
void stack_burst(void);
/* Timers, output, and the answers to it. */
void stack_turn(void);
/* Time passes, a turn at every moment at which something is to be done. */
void stack_sleep(uint64_t ms);
/* Milliseconds, of a peer's timestamps. */
uint32_t stack_now_ms(void);

/* The witness says something and hears it again, unless somebody guessed its numbers. */
void stack_witness(void);

/* What the application does of itself. */
enum act { ACT_SAY, ACT_DEAF, ACT_CLOSE, ACT_ABORT, ACT_TIMER, ACTS };
/* Of session `number` of those that are open, if there are as many; never the witness's. */
void stack_act(uint32_t number, enum act act, uint32_t value);

#endif
