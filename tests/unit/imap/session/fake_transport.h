/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport without packets: a test hands in bytes in whatever pieces it likes
 * and takes out what the application wrote under whatever budgets it set. Time
 * stands still but for what the test lets pass; workers run when it says so. It
 * holds applications to the contract of stream.h and aborts where they break it.
 */
#ifndef WIREMAP_TESTS_FAKE_TRANSPORT_H
#define WIREMAP_TESTS_FAKE_TRANSPORT_H

#include "clock.h"
#include "guard.h"
#include "mock_work.h"
#include "stream.h"

enum { FAKE_CONNECTIONS_MAX = 64 };

/* How output is cut; all at their largest by default. */
struct fake_limits {
	uint32_t budget_bytes; /* at least STREAM_BUDGET_BYTES_MIN */
	uint32_t budget_items;
	uint32_t budget_ns;
	uint32_t block_bytes; /* a run of room, at least what is reserved */
};

struct fake_connection {
	struct stream_session *session; /* NULL: not open */
	struct stream_info info;
	uint32_t generation;
	uint8_t *in; /* sent by the test, not yet taken by the application */
	size_t in_len, in_room;
	uint8_t *out; /* written by the application, a NUL behind it */
	size_t out_len, out_room;
	uint64_t timer_ns;	 /* 0: none */
	enum stream_state state; /* of the last verdict */
	bool offer;		 /* bytes are to be offered */
	bool runnable;		 /* produce() is to be called */
	bool end_due, closing, aborted;
	unsigned produced; /* produce() calls */
};

struct fake_transport {
	struct stream_transport transport;
	struct stream_app *app;
	struct clock clock;
	struct mock_work work;
	struct fake_limits limits;
	struct fake_connection connections[FAKE_CONNECTIONS_MAX];
	uint64_t random; /* 0: input is offered whole */
	bool discards;	 /* what is written is counted, not kept */
	bool in_call;
	struct guard guard;
	uint8_t *room; /* used instead of the guard where `discards` */
};

void fake_transport_init(struct fake_transport *fake);
/* Frees buffers; every connection is closed before. */
void fake_transport_clear(struct fake_transport *fake);

/* Opens connection `number`, from 10.0.0.number. 0 or what the application said. */
int fake_open(struct fake_transport *fake, unsigned number, bool tls);
/* Bytes from the peer. They are offered by fake_run(). */
void fake_send(struct fake_transport *fake, unsigned number, struct span bytes);
/* Runs everything that can run, workers too if `work`, until nothing moves. */
void fake_run(struct fake_transport *fake, bool work);
/* At most so many turns, no workers. Whether anything moved in the last of them. */
bool fake_turns(struct fake_transport *fake, unsigned turns);
/* The peer sends no more. */
void fake_end(struct fake_transport *fake, unsigned number);
/* The connection is gone. */
void fake_close(struct fake_transport *fake, unsigned number);
/* Lets time pass, fires what is due, and runs. */
void fake_wait_ms(struct fake_transport *fake, uint32_t ms);
/* Forgets the output so far. */
void fake_out_clear(struct fake_transport *fake, unsigned number);

#endif
