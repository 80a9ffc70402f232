/* SPDX-License-Identifier: Apache-2.0 */
#include "talker.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"

uint8_t talker_byte(uint64_t key, uint64_t at)
{
	return (uint8_t)(random_mix(key + at / 8) >> at % 8 * 8);
}

static struct talker *talker_of(struct stream_session *session)
{
	return (struct talker *)((uint8_t *)session - offsetof(struct talker, session));
}

static void fail(struct talker *talker, const char *what)
{
	journal_fail(talker->journal, "%s: %s (sent %lu of %lu, received %lu of %lu)", talker->name,
		     what, talker->sent, talker->send_bytes, talker->received,
		     talker->receive_bytes);
}

static void timer(struct talker *talker, uint32_t ms)
{
	talker->transport->ops->timer(talker->transport, talker->ref, ms);
}

/* How much of an offer to take, as the mood is. */
static size_t appetite(struct talker *talker, size_t offered)
{
	size_t take = offered;

	if (talker->pause_ms > 0) {
		if (take > talker->allowance)
			take = talker->allowance;
		talker->allowance -= (uint32_t)take;
		if (talker->allowance == 0 && !talker->waiting && !talker->pausing) {
			talker->pausing = true;
			timer(talker, talker->pause_ms);
		}
		return take;
	}
	if (talker->picky && random_once(&talker->random, 4))
		take = (size_t)random_below(&talker->random, offered + 1);
	/* One who said DONE and then takes nothing is not offered the rest before more comes. */
	return take == 0 && talker->done ? 1 : take;
}

static void byte_check(struct talker *talker, uint8_t byte)
{
	uint32_t at = talker->receive_at + (uint32_t)talker->received;
	unsigned difference = byte ^ talker_byte(talker->receive_key, at);

	if (difference != 0 && !(talker->forked && difference == 0xff))
		fail(talker, "a wrong byte");
	talker->received++;
	if (talker->received > talker->receive_bytes)
		fail(talker, "more bytes than were sent");
}

static size_t consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct talker *talker = talker_of(session);
	size_t offered = 0, take, taken = 0;

	for (unsigned i = 0; i < in_n; i++)
		offered += in[i].len;
	if (offered == 0)
		fail(talker, "an empty offer");
	if (talker->received + offered > talker->seen) {
		talker->seen = talker->received + offered;
		if (talker->peer_ended)
			fail(talker, "new bytes behind the end");
	}
	take = appetite(talker, offered);
	for (unsigned i = 0; i < in_n && taken < take; i++)
		for (size_t k = 0; k < in[i].len && taken < take; k++, taken++)
			byte_check(talker, in[i].ptr[k]);
	return take;
}

/* Writes up to `most` bytes of the stream, by reserve or by put. */
static void speak(struct talker *talker, struct stream_out *out, uint64_t most)
{
	size_t n = 1 + (size_t)random_below(&talker->random, sizeof(talker->scratch)), put;
	uint8_t *room;

	if (n > most)
		n = (size_t)most;
	if (n <= STREAM_RESERVE_BYTES_MAX && random_once(&talker->random, 2)) {
		room = stream_reserve(out, n);
		if (room == NULL)
			return;
		for (size_t i = 0; i < n; i++)
			room[i] = talker_byte(talker->send_key, talker->sent + i);
		stream_commit(out, n);
		talker->sent += n;
		return;
	}
	for (size_t i = 0; i < n; i++)
		talker->scratch[i] = talker_byte(talker->send_key, talker->sent + i);
	put = stream_put(out, (struct span){talker->scratch, n});
	talker->sent += put;
	memset(talker->scratch, 0xdb, sizeof(talker->scratch));
}

bool talker_through(const struct talker *talker)
{
	return talker->sent == talker->send_bytes && talker->received == talker->receive_bytes;
}

/* Whether it is time to say CLOSE. */
static bool leaves(const struct talker *talker)
{
	if (talker->sent < talker->send_bytes && !talker->drained)
		return false;
	return talker->hasty || talker->drained ||
	       (talker->peer_ended && talker->received >= *talker->peer_sent) ||
	       (talker_through(talker) && talker->closes);
}

static struct stream_verdict produce(struct stream_session *session, struct stream_out *out,
				     const struct stream_budget *budget)
{
	struct talker *talker = talker_of(session);
	uint64_t most = talker->send_bytes - talker->sent;
	uint8_t *first = stream_reserve(out, STREAM_RESERVE_BYTES_MAX);

	if (first == NULL || budget->bytes < STREAM_BUDGET_BYTES_MIN)
		fail(talker, "the promised room is not there");
	if (talker->echo && !talker->peer_ended && most > talker->received - talker->sent)
		most = talker->received - talker->sent;
	talker->done = false;
	if (leaves(talker))
		return (struct stream_verdict){STREAM_CLOSE, 0};
	if (most == 0) {
		talker->done = true;
		return (struct stream_verdict){STREAM_DONE, 0};
	}
	switch (random_below(&talker->random, 16)) {
	case 0:
		if (talker->pausing)
			return (struct stream_verdict){STREAM_WAIT, 2};
		talker->waiting = true;
		timer(talker, 1 + (uint32_t)random_below(&talker->random, 20));
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

	if (!talker->waiting && !talker->pausing)
		fail(talker, "a timer that was not armed");
	talker->waiting = false;
	talker->pausing = false;
	talker->allowance = talker->bite;
}

static void drain(struct stream_session *session)
{
	struct talker *talker = talker_of(session);

	if (talker->drained)
		fail(talker, "drained twice");
	talker->drained = true;
}

static void end(struct stream_session *session)
{
	struct talker *talker = talker_of(session);

	if (talker->peer_ended)
		fail(talker, "ended twice");
	journal_say(talker->journal, "%s hears the end after %lu", talker->name, talker->received);
	talker->peer_ended = true;
}

static void over(struct talker *talker, enum stream_reason reason)
{
	static const char *const reasons[] = {"closed", "reset", "timed out", "aborted", "refused"};

	if (talker->closed)
		fail(talker, "closed twice");
	talker->closed = true;
	talker->reason = reason;
	talker->closed_ns = talker->journal->clock->mono_ns;
	journal_say(talker->journal, "%s is %s: sent %lu of %lu, received %lu of %lu", talker->name,
		    reasons[reason], talker->sent, talker->send_bytes, talker->received,
		    talker->receive_bytes);
}

static void closed(struct stream_session **session, enum stream_reason reason)
{
	over(talker_of(*session), reason);
	*session = NULL;
}

int talker_open(struct talker *talker, struct stream_transport *transport, struct stream_ref ref,
		struct stream_session **session_r)
{
	/* One that gave up its own open may be called by the other side afterwards. */
	if (talker->opened || talker->closed)
		return -EBUSY;
	journal_say(talker->journal, "%s is open", talker->name);
	talker->opened = true;
	talker->transport = transport;
	talker->ref = ref;
	talker->allowance = talker->bite;
	*session_r = &talker->session;
	return 0;
}

static int open_one(struct stream_app *app, struct stream_transport *transport,
		    struct stream_ref ref, const struct stream_info *info,
		    struct stream_session **session_r)
{
	(void)info;
	return talker_open((struct talker *)app, transport, ref, session_r);
}

void talker_failed(struct stream_app *app, struct stream_ref ref, enum stream_reason reason)
{
	(void)ref;
	over((struct talker *)app, reason);
}

void talker_create(struct talker *talker, struct journal *journal, const char *name,
		   struct random random)
{
	static const struct stream_app_ops ops = {.open = open_one,
						  .consume = consume,
						  .produce = produce,
						  .expire = expire,
						  .drain = drain,
						  .end = end,
						  .closed = closed};

	*talker = (struct talker){
		.app.ops = &ops, .session.ops = &ops, .journal = journal, .random = random};
	snprintf(talker->name, sizeof(talker->name), "%s", name);
}
