/* SPDX-License-Identifier: Apache-2.0 */
#include "services.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"

enum {
	/* An echo's bytes between consume() and produce(): a small question lies in its session,
	 * more in a buffer that is lent until it is said. */
	OWN_BYTES = 64,
	LENT_BYTES = 16384,
	LENT_MAX = 256,
	PORTS = 5,
};
static const uint64_t request_bytes_max = 1ull << 50;

struct service {
	struct stream_app app; /* first */
	struct services *services;
	enum service_port port;
};

/* Two cache lines. */
struct stream {
	struct stream_session session; /* first */
	struct service *service;
	struct stream_transport *transport;
	struct stream_ref ref;
	uint64_t left;	/* of the answer */
	uint64_t asked; /* the number of the request, as far as it came */
	uint64_t at;	/* in the file */
	uint8_t *lent;
	uint16_t held, said; /* of the echo */
	bool ended, closing;
	uint8_t own[OWN_BYTES];
};
_Static_assert(sizeof(struct stream) <= 192, "a million of them are held");

struct services {
	struct service services[PORTS];
	struct span file;
	bool spread;
	struct stream *streams;
	uint32_t *free;
	uint32_t free_n, fresh, streams_n;
	uint8_t *buffers;
	uint16_t lent_free[LENT_MAX];
	unsigned lent_free_n;
	struct services_stats stats; /* written with relaxed stores */
};

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static struct stream *stream_of(struct stream_session *session)
{
	return (struct stream *)session;
}

static bool echoes(const struct stream *stream)
{
	return stream->service->port == SERVICE_ECHO;
}

/* --- Lent buffers --- */

static void buffer_give_back(struct stream *stream)
{
	struct services *services = stream->service->services;

	if (stream->lent == NULL)
		return;
	services->lent_free[services->lent_free_n++] =
		(uint16_t)((size_t)(stream->lent - services->buffers) / LENT_BYTES);
	stream->lent = NULL;
}

/* Where the echo of `n` bytes lies; without a buffer left it goes in small steps. */
static uint8_t *buffer_for(struct stream *stream, size_t n, size_t *room_r)
{
	struct services *services = stream->service->services;

	if (stream->lent == NULL && n > OWN_BYTES && services->lent_free_n > 0) {
		unsigned number = services->lent_free[--services->lent_free_n];

		stream->lent = services->buffers + (size_t)number * LENT_BYTES;
	}
	*room_r = stream->lent != NULL ? LENT_BYTES : OWN_BYTES;
	return stream->lent != NULL ? stream->lent : stream->own;
}

/* --- Bytes in --- */

static size_t echo_take(struct stream *stream, const struct span *in, unsigned in_n)
{
	size_t total = 0, taken = 0, room;
	uint8_t *to;

	if (stream->held > 0)
		return 0;
	for (unsigned k = 0; k < in_n; k++)
		total += in[k].len;
	to = buffer_for(stream, total, &room);
	for (unsigned k = 0; k < in_n && taken < room; k++) {
		size_t n = in[k].len < room - taken ? in[k].len : room - taken;

		memcpy(to + taken, in[k].ptr, n);
		taken += n;
	}
	stream->held = (uint16_t)taken;
	return taken;
}

static void malformed(struct stream *stream)
{
	count(&stream->service->services->stats.malformed, 1);
	stream->transport->ops->abort(stream->transport, stream->ref);
}

/* One line; what follows it waits until it is answered. */
static size_t line_take(struct stream *stream, struct span in)
{
	size_t n = 0;

	while (n < in.len && stream->left == 0) {
		uint8_t byte = in.ptr[n++];

		if (byte >= '0' && byte <= '9' && stream->asked < request_bytes_max) {
			stream->asked = stream->asked * 10 + byte - '0';
		} else if (byte == '\n') {
			stream->left = stream->asked;
			stream->asked = 0;
			stream->closing = stream->service->port == SERVICE_CLOSE;
			count(&stream->service->services->stats.requests, 1);
		} else if (byte != '\r') {
			malformed(stream);
			return in.len;
		}
	}
	return n;
}

static size_t consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct stream *stream = stream_of(session);
	size_t taken = 0;

	if (echoes(stream)) {
		taken = echo_take(stream, in, in_n);
	} else {
		for (unsigned k = 0; k < in_n; k++) {
			size_t n = stream->service->port == SERVICE_DISCARD
					   ? in[k].len
					   : line_take(stream, in[k]);

			taken += n;
			if (n < in[k].len)
				break;
		}
	}
	count(&stream->service->services->stats.bytes_taken, taken);
	return taken;
}

/* --- Bytes out --- */

static size_t echo_say(struct stream *stream, struct stream_out *out)
{
	const uint8_t *from = stream->lent != NULL ? stream->lent : stream->own;
	size_t n = stream_put(
		out, (struct span){from + stream->said, (size_t)(stream->held - stream->said)});

	stream->said = (uint16_t)(stream->said + n);
	if (stream->said == stream->held) {
		if (n > 0)
			count(&stream->service->services->stats.requests, 1);
		stream->said = stream->held = 0;
		buffer_give_back(stream);
	}
	return n;
}

static size_t file_say(struct stream *stream, struct stream_out *out)
{
	const struct span file = stream->service->services->file;
	size_t said = 0;

	while (stream->left > 0) {
		struct span rest = span_cut(file, stream->at, stream->left);
		size_t n = stream_put(out, rest);

		said += n;
		stream->left -= n;
		stream->at += n;
		if (n < rest.len)
			break;
		if (stream->at == file.len)
			stream->at = 0;
	}
	return said;
}

static struct stream_verdict produce(struct stream_session *session, struct stream_out *out,
				     const struct stream_budget *budget)
{
	struct stream *stream = stream_of(session);
	size_t said = echoes(stream) ? echo_say(stream, out) : file_say(stream, out);

	(void)budget;
	count(&stream->service->services->stats.bytes_said, said);
	if (stream->held > 0 || stream->left > 0)
		return (struct stream_verdict){STREAM_MORE, 0};
	/* What it has not taken it is offered first, now that there is room. */
	if (stream->closing || (stream->ended && said == 0))
		return (struct stream_verdict){STREAM_CLOSE, 0};
	if (stream->ended)
		stream->transport->ops->wake(stream->transport, stream->ref);
	return (struct stream_verdict){STREAM_DONE, 0};
}

/* --- Beginning and end --- */

static const struct stream_app_ops ops;

static int stream_open(struct stream_app *app, struct stream_transport *transport,
		       struct stream_ref ref, const struct stream_info *info,
		       struct stream_session **session_r)
{
	struct service *service = (struct service *)app;
	struct services *services = service->services;
	struct stream *stream;

	(void)info;
	if (services->free_n > 0)
		stream = &services->streams[services->free[--services->free_n]];
	else if (services->fresh < services->streams_n)
		stream = &services->streams[services->fresh++];
	else
		return -ENOBUFS;
	*stream = (struct stream){
		.session.ops = &ops, .service = service, .transport = transport, .ref = ref};
	/* The golden ratio never comes near a place it has been at. */
	if (services->spread)
		stream->at =
			(services->stats.opened * 0x9e3779b97f4a7c15u >> 32) * services->file.len >>
			32;
	count(&services->stats.opened, 1);
	*session_r = &stream->session;
	return 0;
}

static void expire(struct stream_session *session)
{
	(void)session;
}

static void end(struct stream_session *session)
{
	stream_of(session)->ended = true;
}

static void closed(struct stream_session **session, enum stream_reason reason)
{
	struct stream *stream = stream_of(*session);
	struct services *services = stream->service->services;

	buffer_give_back(stream);
	count(reason == STREAM_CLOSED ? &services->stats.closed : &services->stats.lost, 1);
	services->free[services->free_n++] = (uint32_t)(stream - services->streams);
	*session = NULL;
}

static const struct stream_app_ops ops = {
	.open = stream_open,
	.consume = consume,
	.produce = produce,
	.expire = expire,
	.drain = end,
	.end = end,
	.closed = closed,
};

int services_create(unsigned connections_max, struct span file, bool spread,
		    struct services **services_r)
{
	static const enum service_port ports[PORTS] = {SERVICE_ECHO, SERVICE_DISCARD, SERVICE_BULK,
						       SERVICE_CLOSE, SERVICE_WAIT};
	struct services *services = calloc(1, sizeof(*services));

	ASSERT(file.len > 0);
	*services_r = services;
	if (services == NULL)
		return -ENOMEM;
	services->file = file;
	services->spread = spread;
	services->streams_n = connections_max;
	services->streams = calloc(connections_max, sizeof(*services->streams));
	services->free = calloc(connections_max, sizeof(*services->free));
	services->buffers = malloc((size_t)LENT_MAX * LENT_BYTES);
	if (services->streams == NULL || services->free == NULL || services->buffers == NULL) {
		services_destroy(services_r);
		return -ENOMEM;
	}
	for (unsigned k = 0; k < PORTS; k++)
		services->services[k] = (struct service){{&ops}, services, ports[k]};
	while (services->lent_free_n < LENT_MAX) {
		services->lent_free[services->lent_free_n] = (uint16_t)services->lent_free_n;
		services->lent_free_n++;
	}
	return 0;
}

void services_destroy(struct services **services)
{
	struct services *gone = *services;

	if (gone == NULL)
		return;
	free(gone->streams);
	free(gone->free);
	free(gone->buffers);
	free(gone);
	*services = NULL;
}

int services_listen(struct services *services, struct tcp *tcp)
{
	static const uint8_t any[16];
	int status = 0;

	for (unsigned k = 0; k < PORTS && status == 0; k++)
		status = tcp_listen(tcp, any, services->services[k].port,
				    &services->services[k].app);
	return status;
}

void services_stats(const struct services *services, struct services_stats *stats_r)
{
#define SERVICES_COUNTER_READ(name)                                                                \
	stats_r->name = __atomic_load_n(&services->stats.name, __ATOMIC_RELAXED);
	SERVICES_COUNTERS(SERVICES_COUNTER_READ)
#undef SERVICES_COUNTER_READ
}
