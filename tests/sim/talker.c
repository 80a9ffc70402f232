/* SPDX-License-Identifier: Apache-2.0 */
#include "talker.h"

#include <errno.h>

#include "check.h"

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t chance(struct talker *talker, uint64_t below)
{
	return mix(talker->random += 0x9e3779b97f4a7c15) % below;
}

/* Byte `at` of the stream with `key`. */
static uint8_t stream_byte(uint64_t key, uint64_t at)
{
	return (uint8_t)(mix(key + at / 8) >> at % 8 * 8);
}

static struct talker *talker_of(struct stream_session *session)
{
	return (struct talker *)((uint8_t *)session - offsetof(struct talker, session));
}

static void fail(struct talker *talker, const char *what)
{
	if (talker->wrong == NULL)
		talker->wrong = what;
}

static size_t consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct talker *talker = talker_of(session);
	size_t offered = 0, take, taken = 0;

	for (unsigned i = 0; i < in_n; i++)
		offered += in[i].len;
	if (offered == 0)
		fail(talker, "an empty offer");
	take = offered;
	if (talker->picky && chance(talker, 4) == 0)
		take = (size_t)chance(talker, offered + 1);
	/* One who said DONE and then takes nothing is not offered the rest before more comes. */
	if (take == 0 && talker->done)
		take = 1;
	for (unsigned i = 0; i < in_n && taken < take; i++) {
		for (size_t k = 0; k < in[i].len && taken < take; k++, taken++)
			if (in[i].ptr[k] !=
			    stream_byte(talker->receive_key, talker->received + taken))
				fail(talker, "a wrong byte");
	}
	talker->received += take;
	if (talker->received > talker->receive_bytes)
		fail(talker, "more bytes than were sent");
	return take;
}

/* Writes up to `most` bytes of the stream, by reserve or by put. */
static void speak(struct talker *talker, struct stream_out *out, uint64_t most)
{
	size_t n = 1 + (size_t)chance(talker, sizeof(talker->scratch)), put;
	uint8_t *room;

	if (n > most)
		n = (size_t)most;
	if (n <= STREAM_RESERVE_BYTES_MAX && chance(talker, 2) == 0) {
		room = stream_reserve(out, n);
		if (room == NULL)
			return;
		for (size_t i = 0; i < n; i++)
			room[i] = stream_byte(talker->send_key, talker->sent + i);
		stream_commit(out, n);
		talker->sent += n;
		return;
	}
	for (size_t i = 0; i < n; i++)
		talker->scratch[i] = stream_byte(talker->send_key, talker->sent + i);
	put = stream_put(out, (struct span){talker->scratch, n});
	talker->sent += put;
	memset(talker->scratch, 0xdb, sizeof(talker->scratch));
}

static bool through(const struct talker *talker)
{
	return talker->sent == talker->send_bytes && talker->received == talker->receive_bytes;
}

static struct stream_verdict produce(struct stream_session *session, struct stream_out *out,
				     const struct stream_budget *budget)
{
	struct talker *talker = talker_of(session);
	uint64_t most = talker->send_bytes - talker->sent;
	uint8_t *first = stream_reserve(out, STREAM_RESERVE_BYTES_MAX);

	if (first == NULL || budget->bytes < STREAM_BUDGET_BYTES_MIN)
		fail(talker, "the promised room is not there");
	if (talker->echo && most > talker->received - talker->sent)
		most = talker->received - talker->sent;
	talker->done = false;
	if (through(talker) && (talker->closes || talker->peer_ended))
		return (struct stream_verdict){STREAM_CLOSE, 0};
	if (most == 0) {
		talker->done = true;
		return (struct stream_verdict){STREAM_DONE, 0};
	}
	switch (chance(talker, 16)) {
	case 0:
		talker->waiting = true;
		talker->transport->ops->timer(talker->transport, talker->ref,
					      1 + (uint32_t)chance(talker, 20));
		return (struct stream_verdict){STREAM_WAIT, 1};
	case 1:
		return (struct stream_verdict){STREAM_MORE, 0};
	default:
		speak(talker, out, most);
		return (struct stream_verdict){STREAM_MORE, 0};
	}
}

static void expire(struct stream_session *session)
{
	struct talker *talker = talker_of(session);

	if (!talker->waiting)
		fail(talker, "a timer that was not armed");
	talker->waiting = false;
}

static void drain(struct stream_session *session)
{
	(void)session;
}

static void end(struct stream_session *session)
{
	struct talker *talker = talker_of(session);

	if (talker->peer_ended)
		fail(talker, "ended twice");
	talker->peer_ended = true;
}

static void closed(struct stream_session **session, enum stream_reason reason)
{
	struct talker *talker = talker_of(*session);

	*session = NULL;
	if (talker->closed)
		fail(talker, "closed twice");
	talker->closed = true;
	talker->reason = reason;
}

static int open_one(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	struct talker *talker = (struct talker *)app;

	(void)info;
	if (talker->opened)
		return -EBUSY;
	talker->opened = true;
	talker->transport = transport;
	talker->ref = ref;
	*session_r = &talker->session;
	return 0;
}

void talker_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	struct talker *talker = (struct talker *)app;

	(void)ref;
	talker->closed = true;
	talker->reason = reason;
}

void talker_create(struct talker *talker, uint64_t seed, uint64_t send_key, uint64_t send_bytes,
		   uint64_t receive_key, uint64_t receive_bytes)
{
	static const struct stream_app_ops ops = {.open = open_one,
						  .consume = consume,
						  .produce = produce,
						  .expire = expire,
						  .drain = drain,
						  .end = end,
						  .closed = closed};

	*talker = (struct talker){.app.ops = &ops,
				  .session.ops = &ops,
				  .random = seed,
				  .send_key = send_key,
				  .send_bytes = send_bytes,
				  .receive_key = receive_key,
				  .receive_bytes = receive_bytes};
}
