/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bucket.h"
#include "check.h"
#include "flood.h"
#include "services.h"

enum {
	PORTS_FIRST = 1024,
	PORTS_N = 65536 - PORTS_FIRST,
	/* Connections that are being opened at once, when nobody says otherwise. */
	OPENING_MAX = 512,
	OPENED_PER_TURN_MAX = 64,
	/* Tuples looked at for one that is not in use. */
	TUPLE_TRIES_MAX = 256,
};

/* One cache line. */
struct client {
	struct stream_session session; /* first */
	struct load *load;
	struct stream_transport *transport;
	struct stream_ref ref;
	uint64_t serial;  /* in question and answer */
	uint32_t awaited; /* bytes of the answer */
	bool asks;	  /* its question is yet to be said */
	bool answered;
	bool leaves; /* has nothing more to say, ever */
};
_Static_assert(sizeof(struct client) <= 64, "a million of them are held");

struct load {
	struct stream_app app; /* first */
	const struct options *options;
	struct tcp *tcp;
	const struct clock *clock;
	struct flood *flood; /* NULL: none */
	struct bucket openings;
	uint8_t local[NET_ADDRESSES_MAX][16];
	uint8_t server[16];
	uint16_t server_port;
	struct client *clients;
	uint32_t *free, *idle; /* stack of unused ones; ring of those that wait for their turn */
	uint32_t clients_n, free_n, idle_first, idle_n;
	uint32_t opening, asking, asking_max;
	uint64_t tuple_next, serial_next;
	bool running;
	_Atomic int phase;
	char why[LOAD_WHY_BYTES_MAX];
	_Atomic uint64_t completed, bytes, errors, opened, open;
};

/* Only the core writes: a plain add, made visible whole. */
static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void error(struct load *load, const char *what)
{
	if (load_phase(load) == LOAD_ENDING)
		return;
	if (load->why[0] == '\0')
		snprintf(load->why, sizeof(load->why), "%s", what);
	count(&load->errors, 1);
}

static struct client *client_of(struct stream_session *session)
{
	return (struct client *)session;
}

/* --- Questions and answers --- */

static void ask(struct client *client)
{
	client->load->asking++;
	client->serial = client->load->serial_next++;
	client->awaited = LOAD_QUESTION_BYTES;
	client->asks = true;
	client->answered = false;
	client->transport->ops->wake(client->transport, client->ref);
}

static void idle_push(struct load *load, const struct client *client)
{
	load->idle[(load->idle_first + load->idle_n++) % load->clients_n] =
		(uint32_t)(client - load->clients);
}

/* Who has waited longest goes next. */
static void idle_ask(struct load *load)
{
	while (load->idle_n > 0 && load->asking < load->asking_max) {
		struct client *client = &load->clients[load->idle[load->idle_first]];

		load->idle_first = (load->idle_first + 1) % load->clients_n;
		load->idle_n--;
		ask(client);
	}
}

static void answer_done(struct client *client)
{
	struct load *load = client->load;

	client->answered = true;
	load->asking--;
	if (load->options->scenario == SCENARIO_CONN) {
		/* Counted when it is closed, too. */
		client->leaves = !load->options->server_closes;
		return;
	}
	count(&load->completed, 1);
	if (load->options->scenario == SCENARIO_RR)
		idle_push(load, client);
	idle_ask(load);
}

/* An echo in one piece has the serial it went out with. */
static bool serial_wrong(const struct client *client, struct span in)
{
	uint64_t serial;

	if (client->load->options->scenario == SCENARIO_CONN || in.len != LOAD_QUESTION_BYTES)
		return false;
	memcpy(&serial, in.ptr, sizeof(serial));
	return serial != client->serial;
}

static size_t consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct client *client = client_of(session);
	size_t taken = 0;

	for (unsigned k = 0; k < in_n; k++)
		taken += in[k].len;
	count(&client->load->bytes, taken);
	if (client->load->options->scenario == SCENARIO_BULK)
		return taken;
	if (taken > client->awaited || (in_n == 1 && serial_wrong(client, in[0]))) {
		error(client->load, "an answer to no question");
		client->awaited = (uint32_t)taken;
	}
	client->awaited -= (uint32_t)taken;
	if (client->awaited == 0 && !client->answered)
		answer_done(client);
	return taken;
}

static struct span question(const struct client *client, uint8_t echo[LOAD_QUESTION_BYTES])
{
	switch (client->load->options->scenario) {
	case SCENARIO_BULK:
		return span_of("1000000000000000\n");
	case SCENARIO_CONN:
		return span_of("64\n");
	default:
		memset(echo, '.', LOAD_QUESTION_BYTES);
		memcpy(echo, &client->serial, sizeof(client->serial));
		return (struct span){echo, LOAD_QUESTION_BYTES};
	}
}

static struct stream_verdict produce(struct stream_session *session, struct stream_out *out,
				     const struct stream_budget *budget)
{
	struct client *client = client_of(session);
	uint8_t echo[LOAD_QUESTION_BYTES];

	(void)budget;
	if (client->asks) {
		struct span words = question(client, echo);

		/* STREAM_BUDGET_BYTES_MIN is more. */
		client->asks = false;
		if (stream_put(out, words) != words.len)
			error(client->load, "no room for a question");
	}
	return (struct stream_verdict){client->leaves ? STREAM_CLOSE : STREAM_DONE, 0};
}

/* --- Beginning and end --- */

static const struct stream_app_ops ops;

static int client_open(struct stream_app *app, struct stream_transport *transport,
		       struct stream_ref ref, const struct stream_info *info,
		       struct stream_session **session_r)
{
	struct load *load = (struct load *)app;
	struct client *client;

	(void)info;
	load->opening--;
	if (load->free_n == 0)
		return -ENOBUFS;
	client = &load->clients[load->free[--load->free_n]];
	*client = (struct client){
		.session.ops = &ops, .load = load, .transport = transport, .ref = ref};
	count(&load->opened, 1);
	count(&load->open, 1);
	*session_r = &client->session;
	if (load->options->scenario == SCENARIO_CONN)
		ask(client);
	else
		idle_push(load, client);
	return 0;
}

static void nothing(struct stream_session *session)
{
	(void)session;
}

static void end(struct stream_session *session)
{
	client_of(session)->leaves = true;
}

static void closed(struct stream_session **session, enum stream_reason reason)
{
	static const char *const reasons[] = {
		[STREAM_CLOSED] = "closed before its answer",
		[STREAM_RESET] = "reset",
		[STREAM_TIMEOUT] = "timed out",
		[STREAM_ABORTED] = "aborted",
		[STREAM_REFUSED] = "refused",
	};
	struct client *client = client_of(*session);
	struct load *load = client->load;
	bool conn = load->options->scenario == SCENARIO_CONN;

	if (conn && reason == STREAM_CLOSED && client->answered)
		count(&load->completed, 1);
	else
		error(load, reasons[reason]);
	if (conn && !client->answered)
		load->asking--;
	count(&load->open, (uint64_t)-1);
	load->free[load->free_n++] = (uint32_t)(client - load->clients);
	*session = NULL;
}

static const struct stream_app_ops ops = {
	.open = client_open,
	.consume = consume,
	.produce = produce,
	.expire = nothing,
	.drain = nothing,
	.end = end,
	.closed = closed,
};

static void open_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct load *load = (struct load *)app;

	(void)ref;
	load->opening--;
	error(load, reason == STREAM_REFUSED ? "an opening was refused" : "an opening timed out");
}

/* Every port of every address in turn, so that a tuple comes again as late as can be. False: none
 * of those looked at is free, or there is no memory. */
static bool connect_next(struct load *load)
{
	const unsigned addresses_n = load->options->addresses_n;
	struct stream_ref ref;

	for (unsigned k = 0; k < TUPLE_TRIES_MAX; k++) {
		uint64_t tuple = load->tuple_next++;
		uint16_t port = (uint16_t)(PORTS_FIRST + tuple / addresses_n % PORTS_N);
		int status =
			tcp_connect(load->tcp, load->local[tuple % addresses_n], port, load->server,
				    load->server_port, &load->app, open_failed, &ref);

		if (status == 0)
			return true;
		if (status != -EADDRNOTAVAIL)
			return false;
	}
	return false;
}

/* How many may be opened in this turn. Before the first answer the other end may not be there yet.
 */
static unsigned openings_due(struct load *load)
{
	const struct options *options = load->options;
	unsigned most = options->outstanding > 0 ? options->outstanding : OPENING_MAX;

	if (atomic_load_explicit(&load->opened, memory_order_relaxed) == 0)
		most = 1;
	most = most > load->opening ? most - load->opening : 0;
	if (most > OPENED_PER_TURN_MAX)
		most = OPENED_PER_TURN_MAX;
	return options->rate_per_s == 0 ? most
					: bucket_take(&load->openings, load->clock->mono_ns, most);
}

static bool opening_turn(struct load *load)
{
	uint64_t open = atomic_load_explicit(&load->open, memory_order_relaxed);
	unsigned most = openings_due(load), n = 0;

	while (n < most && open + load->opening < load->clients_n) {
		load->opening++;
		if (!connect_next(load)) {
			load->opening--;
			break;
		}
		n++;
	}
	return n > 0;
}

static void bulk_ask(struct load *load)
{
	for (; load->idle_n > 0; load->idle_n--) {
		ask(&load->clients[load->idle[load->idle_first]]);
		load->idle_first = (load->idle_first + 1) % load->clients_n;
	}
}

/* Where they come and go the first shows that there is a server. */
static bool all_are_open(const struct load *load)
{
	if (load->options->scenario == SCENARIO_CONN)
		return atomic_load_explicit(&load->opened, memory_order_relaxed) > 0;
	return atomic_load_explicit(&load->open, memory_order_relaxed) == load->clients_n;
}

bool load_core_turn(struct loop_core *core, unsigned number, void *arg)
{
	struct load *load = arg;
	enum load_phase phase = load_phase(load);
	bool conn = load->options->scenario == SCENARIO_CONN, worked = false;

	(void)core, (void)number;
	if (phase == LOAD_RUNNING && load->flood != NULL)
		worked = flood_turn(load->flood, load->clock->mono_ns);
	if (phase == LOAD_OPENING || (phase == LOAD_RUNNING && conn)) {
		if (phase == LOAD_OPENING && all_are_open(load))
			load_phase_set(load, LOAD_READY);
		return opening_turn(load) || worked;
	}
	if (phase == LOAD_RUNNING && !load->running) {
		load->running = true;
		if (load->options->scenario == SCENARIO_BULK)
			bulk_ask(load);
		else
			idle_ask(load);
	}
	return worked;
}

int load_core_start(struct loop_core *core, unsigned number, void *arg)
{
	struct load *load = arg;

	(void)number;
	load->tcp = loop_core_tcp(core);
	load->clock = loop_core_clock(core);
	return 0;
}

/* --- The control thread's --- */

enum load_phase load_phase(const struct load *load)
{
	return (enum load_phase)atomic_load_explicit(&load->phase, memory_order_acquire);
}

void load_phase_set(struct load *load, enum load_phase phase)
{
	/* Pairs with load_phase(): what was written before is seen by who sees the phase. */
	atomic_store_explicit(&load->phase, (int)phase, memory_order_release);
}

void load_counts(const struct load *load, struct load_counts *counts_r)
{
	*counts_r = (struct load_counts){
		.completed = atomic_load_explicit(&load->completed, memory_order_relaxed),
		.bytes = atomic_load_explicit(&load->bytes, memory_order_relaxed),
		.errors = atomic_load_explicit(&load->errors, memory_order_relaxed),
		.opened = atomic_load_explicit(&load->opened, memory_order_relaxed),
		.open = atomic_load_explicit(&load->open, memory_order_relaxed),
		.forged = load->flood != NULL ? flood_sent(load->flood) : 0,
	};
}

const char *load_why(const struct load *load)
{
	return load->why;
}

/* IPv4 in 16 bytes (RFC 4291 section 2.5.5.2). */
static void address_write(uint8_t address[16], uint32_t ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(address, mapped, sizeof(mapped));
	for (unsigned k = 0; k < 4; k++)
		address[12 + k] = (uint8_t)(ip >> (24 - 8 * k));
}

static uint16_t service_port(const struct options *options)
{
	switch (options->scenario) {
	case SCENARIO_BULK:
		return SERVICE_BULK;
	case SCENARIO_CONN:
		return options->server_closes ? SERVICE_CLOSE : SERVICE_WAIT;
	default:
		return SERVICE_ECHO;
	}
}

int load_create(const struct options *options, const struct wire *wire, struct load **load_r)
{
	struct load *load = calloc(1, sizeof(*load));

	*load_r = load;
	if (load == NULL)
		return -ENOMEM;
	load->app.ops = &ops;
	load->options = options;
	bucket_init(&load->openings, options->rate_per_s);
	load->clients_n = options->connections;
	load->asking_max = options->outstanding > 0 ? options->outstanding : options->connections;
	load->clients = calloc(load->clients_n, sizeof(*load->clients));
	load->free = calloc(load->clients_n, sizeof(*load->free));
	load->idle = calloc(load->clients_n, sizeof(*load->idle));
	if (load->clients == NULL || load->free == NULL || load->idle == NULL ||
	    (options->flood_per_s > 0 &&
	     flood_create(options, wire, service_port(options), &load->flood) != 0)) {
		load_destroy(load_r);
		return -ENOMEM;
	}
	for (; load->free_n < load->clients_n; load->free_n++)
		load->free[load->free_n] = load->clients_n - 1 - load->free_n;
	for (unsigned k = 0; k < options->addresses_n; k++)
		address_write(load->local[k], wire_address(options, k));
	address_write(load->server, options->server);
	load->server_port = service_port(options);
	return 0;
}

void load_destroy(struct load **load)
{
	struct load *gone = *load;

	if (gone == NULL)
		return;
	flood_destroy(&gone->flood);
	free(gone->clients);
	free(gone->free);
	free(gone->idle);
	free(gone);
	*load = NULL;
}
