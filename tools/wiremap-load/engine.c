/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

enum client_state {
	CLIENT_GREETING,
	CLIENT_LOGIN,
	CLIENT_EXAMINE,
	CLIENT_WAITING, /* in its mailbox */
	CLIENT_REQUEST,
	CLIENT_FAILED,
};

/* What Thunderbird and mbsync ask of a folder they open (DESIGN section 1). */
#define HEADER_SYNC                                                                                \
	"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM "    \
	"TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO)])"

static const char *const scenario_names[SCENARIOS] = {"header-sync", "envelope", "bodies", "idle"};

const char *load_scenario_name(enum load_scenario scenario)
{
	return scenario_names[scenario];
}

enum load_scenario load_scenario_find(const char *name)
{
	unsigned k = 0;

	while (k < SCENARIOS && strcmp(name, scenario_names[k]) != 0)
		k++;
	return k;
}

/* Only the core writes: a plain add, made visible whole. */
static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void engine_error(struct load_engine *engine, const char *what, struct span text)
{
	if (engine->why[0] == '\0')
		snprintf(engine->why, sizeof(engine->why), "%s%s%.*s", what,
			 text.len > 0 ? ": " : "", (int)(text.len > 160 ? 160 : text.len),
			 (const char *)text.ptr);
	count(&engine->errors, 1);
}

static struct load_client *client_of(struct stream_session *session)
{
	return (struct load_client *)session;
}

/* --- What a client says --- */

/* Splitmix64: the messages of a connection come in an order of its own. */
static uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void client_say(struct load_client *client, const char *words)
{
	client->tag = (uint8_t)(client->tag + 1);
	client->command_len = (uint16_t)snprintf(client->command, sizeof(client->command),
						 "a%u %s\r\n", client->tag, words);
	ASSERT(client->command_len < sizeof(client->command));
	client->command_off = 0;
	client->rows = 0;
}

static void client_request(struct load_client *client)
{
	struct load_engine *engine = client->engine;
	char words[64];

	switch (engine->scenario) {
	case SCENARIO_HEADER_SYNC:
		client_say(client, HEADER_SYNC);
		break;
	case SCENARIO_ENVELOPE:
		client_say(client, "UID FETCH 1:* (UID ENVELOPE)");
		break;
	case SCENARIO_BODIES:
	case SCENARIO_IDLE:
	case SCENARIOS:
		snprintf(words, sizeof(words), "FETCH %u BODY.PEEK[]",
			 (unsigned)(scramble(engine->config.seed ^ client->number ^
					     (uint64_t)client->uid_next++ << 32) %
				    client->exists) +
				 1);
		client_say(client, words);
		break;
	}
	client->state = CLIENT_REQUEST;
	client->sent_ns = clock_now_ns(engine->clock);
}

static void client_begin(struct load_client *client)
{
	char words[ENGINE_COMMAND_BYTES_MAX - 16];
	const struct load_config *config = &client->engine->config;

	if (client->state == CLIENT_GREETING) {
		snprintf(words, sizeof(words), "LOGIN \"%s\" \"%s\"", config->user,
			 config->password);
		client->state = CLIENT_LOGIN;
	} else {
		snprintf(words, sizeof(words), "EXAMINE \"%s\"", config->mailbox);
		client->state = CLIENT_EXAMINE;
	}
	client_say(client, words);
}

/* --- What it hears --- */

static void client_fail(struct load_client *client, const char *what, struct span text)
{
	if (client->state == CLIENT_FAILED)
		return;
	engine_error(client->engine, what, text);
	client->state = CLIENT_FAILED;
	client->transport->ops->abort(client->transport, client->ref);
}

static bool starts(struct span line, const char *with)
{
	size_t n = strlen(with);

	return line.len >= n && memcmp(line.ptr, with, n) == 0;
}

static uint32_t rows_expected(const struct load_client *client)
{
	return client->engine->scenario == SCENARIO_BODIES ? 1 : client->exists;
}

static void client_answered(struct load_client *client)
{
	struct load_engine *engine = client->engine;
	uint64_t now_ns;

	if (client->rows != rows_expected(client)) {
		client_fail(client, "wrong number of FETCH rows", (struct span){NULL, 0});
		return;
	}
	now_ns = clock_now_ns(engine->clock);
	count(&engine->requests, 1);
	if (atomic_load_explicit(&engine->recording, memory_order_relaxed))
		histogram_record(&engine->latency, now_ns - client->sent_ns);
	client_request(client);
}

static void client_tagged(struct load_client *client, struct span line)
{
	char wanted[16];
	struct load_engine *engine = client->engine;

	snprintf(wanted, sizeof(wanted), "a%u OK", client->tag);
	if (!starts(line, wanted)) {
		client_fail(client, "refused", line);
		return;
	}
	if (client->state == CLIENT_LOGIN) {
		client_begin(client);
	} else if (client->state == CLIENT_EXAMINE && client->exists == 0) {
		client_fail(client, "the mailbox is empty", (struct span){NULL, 0});
	} else if (client->state == CLIENT_EXAMINE) {
		client->state = CLIENT_WAITING;
		engine->ready++;
	} else {
		client_answered(client);
	}
}

/* "* 12 FETCH ..." and "* 12 EXISTS" */
static void client_numbered(struct load_client *client, struct span line)
{
	uint32_t number = 0;
	size_t at = 2;

	while (at < line.len && line.ptr[at] >= '0' && line.ptr[at] <= '9')
		number = number * 10 + (uint32_t)(line.ptr[at++] - '0');
	if (starts(span_cut(line, at, SIZE_MAX), " FETCH")) {
		client->rows++;
		count(&client->engine->messages, 1);
	} else if (starts(span_cut(line, at, SIZE_MAX), " EXISTS")) {
		client->exists = number;
	}
}

static void client_hear(struct load_client *client, const struct answer_line *answer)
{
	struct span line = answer->head;

	count(&client->engine->literals, answer->literals);
	if (client->state == CLIENT_FAILED)
		return;
	if (client->state == CLIENT_GREETING) {
		if (starts(line, "* OK"))
			client_begin(client);
		else
			client_fail(client, "greeting", line);
	} else if (starts(line, "* BYE")) {
		client_fail(client, "the server says", line);
	} else if (line.len > 2 && line.ptr[0] == '*' && line.ptr[2] >= '0' && line.ptr[2] <= '9') {
		client_numbered(client, line);
	} else if (line.len > 0 && line.ptr[0] == 'a') {
		client_tagged(client, line);
	}
}

/* --- stream.h --- */

static const struct stream_app_ops engine_ops;

static int engine_open(struct stream_app *app, struct stream_transport *transport,
		       struct stream_ref ref, const struct stream_info *info,
		       struct stream_session **session_r)
{
	struct load_engine *engine = (struct load_engine *)app;
	struct load_client *client;
	uint32_t number;

	(void)info;
	engine->opening--;
	if (engine->free_n == 0)
		return -ENOBUFS;
	number = engine->free[--engine->free_n];
	client = &engine->clients[number];
	*client = (struct load_client){
		.session.ops = &engine_ops,
		.ref = ref,
		.transport = transport,
		.engine = engine,
		.number = number,
		.state = CLIENT_GREETING,
		.open = true,
	};
	engine->open++;
	*session_r = &client->session;
	return 0;
}

static size_t engine_consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct load_client *client = client_of(session);
	size_t taken = 0;

	for (unsigned k = 0; k < in_n; k++) {
		struct span rest = in[k];
		struct answer_line line;

		taken += rest.len;
		while (answer_next(&client->reader, &rest, &line))
			client_hear(client, &line);
	}
	count(&client->engine->bytes, taken);
	return taken;
}

static struct stream_verdict engine_produce(struct stream_session *session, struct stream_out *out,
					    const struct stream_budget *budget)
{
	struct load_client *client = client_of(session);
	struct span rest = {(const uint8_t *)client->command + client->command_off,
			    (size_t)(client->command_len - client->command_off)};

	(void)budget;
	client->command_off = (uint16_t)(client->command_off + stream_put(out, rest));
	return (struct stream_verdict){
		client->command_off < client->command_len ? STREAM_MORE : STREAM_DONE, 0};
}

static void engine_expire(struct stream_session *session)
{
	(void)session;
}

static void engine_end(struct stream_session *session)
{
	client_fail(client_of(session), "the server closed the connection", (struct span){NULL, 0});
}

static void engine_closed(struct stream_session **session, enum stream_reason reason)
{
	static const char *const reasons[] = {
		[STREAM_CLOSED] = "closed",	[STREAM_RESET] = "reset by the server",
		[STREAM_TIMEOUT] = "timed out", [STREAM_ABORTED] = "aborted",
		[STREAM_REFUSED] = "refused",
	};
	struct load_client *client = client_of(*session);
	struct load_engine *engine = client->engine;

	if (client->state == CLIENT_WAITING || client->state == CLIENT_REQUEST)
		engine->ready--;
	if (atomic_load_explicit(&engine->phase, memory_order_relaxed) != LOAD_ENDING &&
	    client->state != CLIENT_FAILED)
		engine_error(engine, "connection lost", span_of(reasons[reason]));
	client->open = false;
	engine->open--;
	engine->free[engine->free_n++] = client->number;
	*session = NULL;
}

static const struct stream_app_ops engine_ops = {
	.open = engine_open,
	.consume = engine_consume,
	.produce = engine_produce,
	.expire = engine_expire,
	.drain = engine_expire,
	.end = engine_end,
	.closed = engine_closed,
};

/* --- Phases --- */

static void phase_set(struct load_engine *engine, enum load_phase phase)
{
	/* Pairs with control's acquire: what the core wrote before is seen by who sees the phase.
	 */
	atomic_store_explicit(&engine->phase, (int)phase, memory_order_release);
}

static bool turn_opening(struct load_engine *engine)
{
	if (engine->ready == engine->wanted) {
		phase_set(engine, LOAD_READY);
		return false;
	}
	while (engine->open + engine->opening < engine->wanted &&
	       engine->open - engine->ready + engine->opening < ENGINE_OPENING_MAX) {
		int status;

		engine->opening++;
		status = engine->connect(engine);
		if (status == 0)
			continue;
		engine->opening--;
		if (status == -EAGAIN)
			return true;
		engine_error(engine, "cannot connect", span_of(strerror(-status)));
		break;
	}
	return false;
}

/* Connections that wait begin their first request: the turn in which running begins does it. */
static void turn_running(struct load_engine *engine)
{
	if (engine->scenario == SCENARIO_IDLE)
		return;
	for (unsigned k = 0; k < engine->config.connections_max; k++) {
		struct load_client *client = &engine->clients[k];

		if (client->open && client->state == CLIENT_WAITING) {
			client_request(client);
			client->transport->ops->wake(client->transport, client->ref);
		}
	}
}

static bool turn_ending(struct load_engine *engine)
{
	enum { RESETS_PER_TURN = 32 };

	if (engine->open == 0 && engine->opening == 0) {
		engine->ready = 0;
		engine->resetting = 0;
		phase_set(engine, LOAD_IDLE);
		return false;
	}
	for (unsigned k = 0; k < RESETS_PER_TURN; k++) {
		struct load_client *client = &engine->clients[engine->resetting];

		if (client->open && client->state != CLIENT_FAILED)
			client->transport->ops->abort(client->transport, client->ref);
		engine->resetting = (engine->resetting + 1) % engine->config.connections_max;
	}
	return true;
}

bool load_engine_turn(struct load_engine *engine)
{
	/* Pairs with control's release: what it wants is seen with the phase. */
	switch (atomic_load_explicit(&engine->phase, memory_order_acquire)) {
	case LOAD_OPENING:
		return turn_opening(engine);
	case LOAD_RUNNING:
		if (!engine->running) {
			engine->running = true;
			turn_running(engine);
		}
		return false;
	case LOAD_ENDING:
		engine->running = false;
		return turn_ending(engine);
	default:
		return false;
	}
}

void load_engine_connect_failed(struct load_engine *engine, const char *why)
{
	engine->opening--;
	if (atomic_load_explicit(&engine->phase, memory_order_relaxed) != LOAD_ENDING)
		engine_error(engine, "cannot connect", span_of(why));
}

void load_engine_counts(const struct load_engine *engine, struct load_counts *counts_r)
{
	*counts_r = (struct load_counts){
		.requests = atomic_load_explicit(&engine->requests, memory_order_relaxed),
		.messages = atomic_load_explicit(&engine->messages, memory_order_relaxed),
		.bytes = atomic_load_explicit(&engine->bytes, memory_order_relaxed),
		.literals = atomic_load_explicit(&engine->literals, memory_order_relaxed),
		.errors = atomic_load_explicit(&engine->errors, memory_order_relaxed),
	};
}

int load_engine_init(struct load_engine *engine, const struct load_config *config)
{
	*engine = (struct load_engine){.app.ops = &engine_ops, .config = *config};
	engine->clients = calloc(config->connections_max, sizeof(*engine->clients));
	engine->free = calloc(config->connections_max, sizeof(*engine->free));
	if (engine->clients == NULL || engine->free == NULL) {
		load_engine_fini(engine);
		return -ENOMEM;
	}
	while (engine->free_n < config->connections_max) {
		engine->free[engine->free_n] = config->connections_max - 1 - engine->free_n;
		engine->free_n++;
	}
	return 0;
}

void load_engine_fini(struct load_engine *engine)
{
	free(engine->clients);
	free(engine->free);
	engine->clients = NULL;
	engine->free = NULL;
}
