/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_transport.h"

#include "check.h"

enum {
	ROOM_BYTES_MAX = 1 << 18,
	NS_PER_MS = 1000000,
	/* Time passes a little whenever somebody looks. */
	LOOK_NS = 50,
	ROUNDS_MAX = 50000000,
};

struct writer {
	struct stream_out out; /* first */
	struct fake_transport *fake;
	struct fake_connection *connection;
	unsigned calls;
};

/* --- What applications may ask of it --- */

static struct fake_transport *fake_of(struct stream_transport *transport)
{
	return (struct fake_transport *)transport;
}

static struct fake_connection *connection_of(struct fake_transport *fake, struct stream_ref ref)
{
	struct fake_connection *connection = &fake->connections[ref.index];

	ASSERT(ref.index < FAKE_CONNECTIONS_MAX);
	return connection->session != NULL && connection->generation == ref.generation ? connection
										       : NULL;
}

static void fake_wake(struct stream_transport *transport, struct stream_ref ref)
{
	struct fake_connection *connection = connection_of(fake_of(transport), ref);

	if (connection != NULL)
		connection->runnable = true;
}

static void fake_timer(struct stream_transport *transport, struct stream_ref ref, uint32_t ms)
{
	struct fake_transport *fake = fake_of(transport);
	struct fake_connection *connection = &fake->connections[ref.index];

	connection->timer_ns = ms == 0 ? 0 : fake->clock.mono_ns + (uint64_t)ms * NS_PER_MS;
}

static void fake_abort(struct stream_transport *transport, struct stream_ref ref)
{
	struct fake_connection *connection = connection_of(fake_of(transport), ref);

	if (connection != NULL)
		connection->aborted = true;
}

static struct stream_session *fake_find(struct stream_transport *transport, struct stream_ref ref)
{
	struct fake_connection *connection = connection_of(fake_of(transport), ref);

	return connection != NULL ? connection->session : NULL;
}

static const struct stream_transport_ops fake_ops = {fake_wake, fake_timer, fake_abort, fake_find};

static void clock_look(struct clock *clock)
{
	clock->mono_ns += LOOK_NS;
}

/* --- Output --- */

static void buffer_add(uint8_t **buffer, size_t *len, size_t *room, struct span bytes)
{
	if (*len + bytes.len + 1 > *room) {
		*room = (*len + bytes.len + 1) * 2;
		*buffer = realloc(*buffer, *room);
		ASSERT(*buffer != NULL);
	}
	if (bytes.len > 0)
		memcpy(*buffer + *len, bytes.ptr, bytes.len);
	*len += bytes.len;
	(*buffer)[*len] = '\0';
}

/* Takes over what was written. */
static void writer_flush(struct writer *writer)
{
	struct fake_connection *connection = writer->connection;
	struct span written = {writer->out.start, (size_t)(writer->out.cur - writer->out.start)};

	ASSERT(writer->out.cur <= writer->out.end);
	if (writer->fake->discards)
		connection->out_len += written.len;
	else
		buffer_add(&connection->out, &connection->out_len, &connection->out_room, written);
	writer->out.start = writer->out.cur;
}

static bool writer_room(struct stream_out *out, size_t n)
{
	struct writer *writer = (struct writer *)out;
	struct fake_transport *fake = writer->fake;
	size_t left = out->left + (size_t)(out->end - out->cur);
	size_t size = fake->limits.block_bytes;

	ASSERT(n > 0 && n <= STREAM_RESERVE_BYTES_MAX);
	if (left < n) {
		ASSERT(writer->calls > 0);
		return false;
	}
	writer->calls++;
	writer_flush(writer);
	size = size < n ? n : size;
	size = size > left ? left : size;
	out->cur = fake->discards ? fake->room : guard_room(&fake->guard, size);
	out->start = out->cur;
	out->end = out->cur + size;
	out->left = (uint32_t)(left - size);
	return true;
}

static void produce(struct fake_transport *fake, struct fake_connection *connection)
{
	struct writer writer = {
		.out = {.left = fake->limits.budget_bytes, .room = writer_room},
		.fake = fake,
		.connection = connection,
	};
	const struct stream_budget budget = {fake->limits.budget_bytes, fake->limits.budget_items,
					     fake->limits.budget_ns};
	struct stream_verdict verdict;

	/* An empty stretch of room, so that pointers may be compared. */
	writer.out.cur = writer.out.end = writer.out.start = fake->room;
	fake->in_call = true;
	verdict = connection->session->ops->produce(connection->session, &writer.out, &budget);
	fake->in_call = false;
	writer_flush(&writer);
	connection->produced++;
	connection->state = verdict.state;
	connection->runnable = verdict.state == STREAM_MORE;
	connection->closing |= verdict.state == STREAM_CLOSE;
	connection->offer |= verdict.state == STREAM_DONE && connection->in_len > 0;
}

/* --- Input --- */

static uint64_t random_next(struct fake_transport *fake)
{
	fake->random = fake->random * 6364136223846793005u + 1442695040888963407u;
	return fake->random >> 33;
}

/* Offers all, or only the first bytes, in one to three spans. */
static void consume(struct fake_transport *fake, struct fake_connection *connection)
{
	size_t offered = connection->in_len, taken, first, second;
	struct span spans[3];
	uint8_t *copy;

	if (fake->random != 0 && offered > 1)
		offered = 1 +
			  (size_t)(random_next(fake) % (random_next(fake) % 4 == 0 ? offered : 3)) %
				  offered;
	/* A copy of exactly its size: reading beyond it is seen, keeping it too. */
	copy = malloc(offered);
	ASSERT(copy != NULL);
	memcpy(copy, connection->in, offered);
	first = fake->random != 0 ? random_next(fake) % (offered + 1) : offered;
	second = fake->random != 0 ? random_next(fake) % (offered - first + 1) : 0;
	spans[0] = (struct span){copy, first};
	spans[1] = (struct span){copy + first, second};
	spans[2] = (struct span){copy + first + second, offered - first - second};
	fake->in_call = true;
	taken = connection->session->ops->consume(connection->session, spans, 3);
	fake->in_call = false;
	memset(copy, 0xee, offered);
	free(copy);
	ASSERT(taken <= offered);
	memmove(connection->in, connection->in + taken, connection->in_len - taken);
	connection->in_len -= taken;
	/* More arrives while there is more; else what is left waits for STREAM_DONE. */
	connection->offer = taken == offered && connection->in_len > 0;
	connection->runnable = true;
}

/* --- Running --- */

static bool connection_run(struct fake_transport *fake, unsigned number)
{
	struct fake_connection *connection = &fake->connections[number];

	if (connection->session == NULL)
		return false;
	if (connection->aborted) {
		fake_close(fake, number);
		return true;
	}
	if (connection->runnable) {
		produce(fake, connection);
		return true;
	}
	if (connection->offer && !connection->closing) {
		consume(fake, connection);
		return true;
	}
	if (connection->end_due && (connection->in_len == 0 || !connection->offer)) {
		connection->end_due = false;
		connection->session->ops->end(connection->session);
		connection->runnable = true;
		return true;
	}
	return false;
}

bool fake_turns(struct fake_transport *fake, unsigned turns)
{
	bool moved = true;

	for (; turns > 0 && moved; turns--) {
		moved = false;
		for (unsigned k = 0; k < FAKE_CONNECTIONS_MAX; k++)
			moved |= connection_run(fake, k);
	}
	return moved;
}

void fake_run(struct fake_transport *fake, bool work)
{
	unsigned rounds = 0;

	while (fake_turns(fake, 1) || (work && mock_work_run_one(&fake->work)))
		ASSERT(++rounds < ROUNDS_MAX);
}

void fake_wait_ms(struct fake_transport *fake, uint32_t ms)
{
	uint64_t until_ns = fake->clock.mono_ns + (uint64_t)ms * NS_PER_MS;

	for (;;) {
		struct fake_connection *next = NULL;

		for (unsigned k = 0; k < FAKE_CONNECTIONS_MAX; k++) {
			struct fake_connection *connection = &fake->connections[k];

			if (connection->session != NULL && connection->timer_ns != 0 &&
			    connection->timer_ns <= until_ns &&
			    (next == NULL || connection->timer_ns < next->timer_ns))
				next = connection;
		}
		if (next == NULL)
			break;
		if (next->timer_ns > fake->clock.mono_ns)
			fake->clock.mono_ns = next->timer_ns;
		next->timer_ns = 0;
		next->session->ops->expire(next->session);
		next->runnable = true;
		fake_run(fake, true);
	}
	if (until_ns > fake->clock.mono_ns)
		fake->clock.mono_ns = until_ns;
	fake_run(fake, true);
}

/* --- Connections --- */

int fake_open(struct fake_transport *fake, unsigned number, bool tls)
{
	struct fake_connection *connection = &fake->connections[number];
	struct stream_ref ref = {number, ++connection->generation};
	int status;

	ASSERT(connection->session == NULL);
	connection->info = (struct stream_info){.peer_port = 40000, .local_port = 143, .tls = tls};
	memcpy(connection->info.peer_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0", 15);
	connection->info.peer_addr[15] = (uint8_t)number;
	status = fake->app->ops->open(fake->app, &fake->transport, ref, &connection->info,
				      &connection->session);
	if (status != 0) {
		connection->session = NULL;
		return status;
	}
	connection->in_len = connection->out_len = 0;
	connection->closing = connection->aborted = connection->end_due = connection->offer = false;
	connection->runnable = true;
	return 0;
}

void fake_send(struct fake_transport *fake, unsigned number, struct span bytes)
{
	struct fake_connection *connection = &fake->connections[number];

	buffer_add(&connection->in, &connection->in_len, &connection->in_room, bytes);
	connection->offer = true;
}

void fake_end(struct fake_transport *fake, unsigned number)
{
	fake->connections[number].end_due = true;
}

void fake_close(struct fake_transport *fake, unsigned number)
{
	struct fake_connection *connection = &fake->connections[number];

	ASSERT(!fake->in_call);
	if (connection->session == NULL)
		return;
	connection->session->ops->closed(&connection->session, STREAM_CLOSED);
	ASSERT(connection->session == NULL);
	connection->timer_ns = 0;
}

void fake_out_clear(struct fake_transport *fake, unsigned number)
{
	struct fake_connection *connection = &fake->connections[number];

	connection->out_len = 0;
	if (connection->out != NULL)
		connection->out[0] = '\0';
}

void fake_transport_init(struct fake_transport *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->transport.ops = &fake_ops;
	fake->clock =
		(struct clock){.mono_ns = 1000000000, .wall_s = 1795000000, .refresh = clock_look};
	fake->limits = (struct fake_limits){ROOM_BYTES_MAX, UINT32_MAX, UINT32_MAX, 16384};
	fake->room = malloc(ROOM_BYTES_MAX);
	ASSERT(fake->room != NULL);
	mock_work_init(&fake->work);
}

void fake_transport_clear(struct fake_transport *fake)
{
	for (unsigned k = 0; k < FAKE_CONNECTIONS_MAX; k++) {
		ASSERT(fake->connections[k].session == NULL);
		free(fake->connections[k].in);
		free(fake->connections[k].out);
	}
	free(fake->room);
}
