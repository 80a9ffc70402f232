/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP engine of one core: an application of stream.h that answers clients
 * out of a store. It does no I/O, asks no clock but the one handed in and runs in the
 * simulator as it runs in the server. One core owns a `struct session_engine`.
 */
#ifndef WIREMAP_SESSION_H
#define WIREMAP_SESSION_H

#include "auth.h"
#include "clock.h"
#include "log.h"
#include "store.h"
#include "stream.h"
#include "work.h"

struct session_engine;

struct session_config {
	uint32_t sessions_max;	    /* pool size; open() refuses beyond it */
	uint32_t command_bytes_max; /* one command after login, literals included; 65536 */
	uint32_t command_buffers;   /* sessions that may hold a half-received long command */
	uint32_t login_timeout_s;   /* RFC 9051 5.4: before authentication; 60 */
	uint32_t idle_timeout_s;    /* at least 1800 (RFC 9051 5.4) */
	bool plaintext_login;	    /* LOGIN and PLAIN without TLS; else LOGINDISABLED */
	const char *greeting;	    /* text of the greeting, one line, US-ASCII */
	int socket;		    /* NUMA node, or -1 */
};

struct session_env {
	struct clock *clock;
	struct log *log;
	struct work_port *work;
	struct store *store;
	/* Blocks; called in a job of kind WORK_AUTH. The server passes auth_verify. */
	enum auth_status (*verify)(struct auth *auth, struct auth_request *request);
	struct auth *auth;
};

#define SESSION_COUNTERS(X)                                                                        \
	X(connections)                                                                             \
	X(commands)                                                                                \
	X(commands_bad)                                                                            \
	X(logins)                                                                                  \
	X(logins_failed)                                                                           \
	X(fetch_messages)                                                                          \
	X(fetch_bytes)                                                                             \
	X(waits_cold)                                                                              \
	X(data_lost)                                                                               \
	X(sessions_refused)

struct session_stats {
#define SESSION_COUNTER_FIELD(name) uint64_t name;
	SESSION_COUNTERS(SESSION_COUNTER_FIELD)
#undef SESSION_COUNTER_FIELD
	uint64_t sessions; /* now */
};

/* 0 and *engine_r; -EINVAL; -ENOMEM. All pools are taken here. */
int session_engine_create(const struct session_config *config, const struct session_env *env,
			  struct session_engine **engine_r);
/* Every session must be closed before. */
void session_engine_destroy(struct session_engine **engine);
/* The application to give to tcp_listen(). Borrowed from the engine. */
struct stream_app *session_engine_app(struct session_engine *engine);
void session_engine_stats(const struct session_engine *engine, struct session_stats *stats_r);
/* The reader of the engine's core, for its counters. Borrowed from the engine. */
const struct store_reader *session_engine_reader(const struct session_engine *engine);

#endif
