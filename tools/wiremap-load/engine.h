/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP clients of one core: an application of stream.h that logs in, opens a mailbox and
 * sends a scenario's requests in a closed loop. The control thread moves it from phase to phase
 * and reads its counts; all else happens on the core. The transport under it is the dataplane's
 * TCP or kernel sockets: it is only asked to connect.
 */
#ifndef WIREMAP_LOAD_ENGINE_H
#define WIREMAP_LOAD_ENGINE_H

#include <stdatomic.h>

#include "answer.h"
#include "clock.h"
#include "histogram.h"
#include "stream.h"

enum engine_limits {
	ENGINE_COMMAND_BYTES_MAX = 512,
	ENGINE_OPENING_MAX = 16, /* connections that may be on their way to SELECTED at once */
	ENGINE_WHY_BYTES_MAX = 256,
};

enum load_scenario {
	SCENARIO_HEADER_SYNC, /* header lines of every message of the mailbox, in one command */
	SCENARIO_ENVELOPE,    /* UID FETCH 1:* ENVELOPE, the row Dovecot is best at */
	SCENARIO_BODIES,      /* one whole message a command, in an order of the connection's own */
	SCENARIO_IDLE,	      /* nothing: connections that sit in their mailbox */
	SCENARIOS
};

enum load_phase {
	LOAD_IDLE,    /* no connections */
	LOAD_OPENING, /* connecting, until all wait in their mailbox */
	LOAD_READY,   /* the engine's word: they do */
	LOAD_RUNNING,
	LOAD_ENDING, /* resetting the connections; LOAD_IDLE follows by itself */
};

struct load_counts {
	uint64_t requests; /* answered OK */
	uint64_t messages; /* rows of FETCH */
	uint64_t bytes;	   /* received, of every kind */
	uint64_t literals; /* bytes of them in literals */
	uint64_t errors;   /* NO, BAD, BYE, a connection lost, a wrong number of rows */
};

struct load_config {
	const char *user, *password, *mailbox;
	unsigned connections_max;
	uint64_t seed;
};

struct load_client {
	struct stream_session session;
	struct stream_ref ref;
	struct stream_transport *transport;
	struct load_engine *engine;
	struct answer_reader reader;
	uint32_t number;
	uint32_t state; /* engine.c */
	uint64_t sent_ns;
	uint32_t rows, exists;
	uint32_t uid_next;
	uint16_t command_len, command_off;
	uint8_t tag;
	bool open;
	char command[ENGINE_COMMAND_BYTES_MAX];
};

struct load_engine {
	struct stream_app app;
	struct load_config config;
	struct clock *clock;
	/* Begins one connection of the app; 0, -EAGAIN (later) or -errno. */
	int (*connect)(struct load_engine *engine);
	void *transport; /* for connect */
	struct load_client *clients;
	uint32_t *free; /* numbers of the clients that are not open */
	unsigned free_n;
	unsigned opening, open, ready; /* connects under way; sessions; of those in the mailbox */
	unsigned resetting;	       /* next client to reset in LOAD_ENDING */
	bool running;		       /* the first requests were made */

	/* Set by control while the core is in LOAD_IDLE or LOAD_READY. */
	unsigned wanted; /* connections */
	enum load_scenario scenario;

	_Atomic int phase; /* enum load_phase; release by who sets it, acquire by who reads it */
	_Atomic bool recording;
	/* Written by the core only; control reads them whole but not of one moment. */
	_Atomic uint64_t requests, messages, bytes, literals, errors;
	struct histogram latency;	/* ns; read by control in LOAD_IDLE */
	char why[ENGINE_WHY_BYTES_MAX]; /* the first error; read by control after errors > 0 */
};

/* 0 or -ENOMEM. `connect`, `transport` and `clock` are set by the caller before the first turn. */
int load_engine_init(struct load_engine *engine, const struct load_config *config);
void load_engine_fini(struct load_engine *engine);
/* Once a loop turn, on the core. True: there is work at once. */
bool load_engine_turn(struct load_engine *engine);
/* A connection that connect() began did not come to be. */
void load_engine_connect_failed(struct load_engine *engine, const char *why);

void load_engine_counts(const struct load_engine *engine, struct load_counts *counts_r);
const char *load_scenario_name(enum load_scenario scenario);
/* SCENARIOS when there is none of that name. */
enum load_scenario load_scenario_find(const char *name);

#endif
